//! `arena samples`: judges a model's samples on a public benchmark, and prints pass@k.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Args;
use harness::benchmark::file::{ADVISORY, Benchmark, BenchmarkFile};
use harness::benchmark::reference_outputs::{
    LeftOutProblem, ReferenceOutputs, ReferenceResults, ReferenceRun,
};
use harness::benchmark::sample_file::{self, ModelSample};
use harness::benchmark::samples::{
    CaseSet, PassEstimates, SampleVerdict, SamplesListener, SamplesOutcome, SamplesPlan,
    SamplesProfile, UnjudgedSample, estimates, judge, write_verdicts,
};
use harness::sandbox::Sandbox;
use harness::scoring::pass_at::PassAt;
use harness::trial::judge::StopPolicy;
use platform::store::Store;
use serde::Serialize;

use crate::args::{JobsArgs, MemoryArgs, PackageArgs, SandboxArgs, StoreArgs};
use crate::console::{Console, print, print_json};
use crate::exit::{CommandError, Result};
use crate::output::format::{FormatArgs, OutputFormat};
use crate::output::sheet::Sheet;
use crate::output::text::counted;
use crate::sandbox::with_sandbox;

/// Arguments of `samples`.
#[derive(Args)]
pub struct SamplesArgs {
    /// Benchmark file: 'evalplus:FILE' (HumanEval+, MBPP+), 'humaneval:FILE' or 'mbpp:FILE' (the originals,
    /// whose verdicts are advisory: their assertions run next to the samples). JSONL, plain or gzip
    #[arg(long, value_name = "FORMAT:FILE")]
    benchmark: BenchmarkFile,
    #[command(flatten)]
    memory: MemoryArgs,
    /// JSONL file of samples: the id of a task with 'solution' or 'completion' on each line
    #[arg(long = "samples", value_name = "FILE")]
    file: PathBuf,
    /// File to write a verdict per line to [default: next to the samples, *_verdicts.jsonl]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Use only the cases of the original benchmark
    #[arg(long)]
    base_only: bool,
    /// Stop calling a sample at its first case that is not accepted
    #[arg(long)]
    first_failure: bool,
    #[command(flatten)]
    jobs: JobsArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    packages: PackageArgs,
    #[command(flatten)]
    form: FormatArgs,
}

/// The document of `samples --json`.
#[derive(Serialize)]
struct SamplesDocument<'a> {
    benchmark: String,
    /// Whether verdicts rest on assertions that ran next to the samples
    advisory: bool,
    image: &'a str,
    problems: usize,
    samples: usize,
    pass_at: &'a PassEstimates,
    verdicts: &'a Path,
    /// Time to read the files, in milliseconds
    read_ms: u128,
    profile: SamplesProfile,
    faults: &'a [UnjudgedSample],
    /// Problems that cannot be judged
    left_out: &'a [LeftOutProblem],
}

/// What the samples run needs.
struct SamplesRun<'a> {
    args: &'a SamplesArgs,
    store: Store,
    benchmark: Arc<Benchmark>,
    verdicts: PathBuf,
    read_ms: u128,
    /// What was judged so far, kept also when the run is interrupted
    judged: Arc<Mutex<Vec<SampleVerdict>>>,
}

/// The outcome of the run.
struct JudgedSamples {
    image: String,
    outcome: SamplesOutcome,
    left_out: Vec<LeftOutProblem>,
}

/// Judges every sample, writes a line for each, and prints pass@k.
pub async fn run(args: SamplesArgs) -> Result {
    let console = Console::new();
    let started = Instant::now();
    let benchmark = Arc::new(args.memory.read(&args.benchmark)?);
    let samples = sample_file::read(&args.file, &benchmark).map_err(CommandError::input)?;
    let read_ms = started.elapsed().as_millis();
    let store = args.store.open_or_create()?;
    let verdicts = args.output.clone().unwrap_or_else(|| default_output(&args.file));
    if args.form.format() == OutputFormat::Junit {
        return Err(CommandError::Input(
            "--format junit is not available for samples, which belong to no agent; use csv or json".to_owned(),
        ));
    }
    check_output(&verdicts, [&args.file, &args.benchmark.path])?;
    let count = samples.len();
    let judged = Arc::default();
    let run = SamplesRun { args: &args, store, benchmark, verdicts, read_ms, judged };
    let work = |sandbox| run.judge(sandbox, samples, &console);
    let settings = args.sandbox.settings_for(Some(&run.benchmark), args.packages);
    match with_sandbox(&settings, &console, work).await {
        Ok(judged) => run.report(&judged, &console),
        Err(error) => {
            run.keep_judged(count, &console)?;
            Err(error)
        }
    }
}

impl SamplesRun<'_> {
    async fn judge(
        &self,
        sandbox: Sandbox,
        samples: Vec<ModelSample>,
        console: &Console,
    ) -> Result<JudgedSamples> {
        let jobs = self.args.jobs.count();
        let run =
            ReferenceRun { sandbox: sandbox.clone(), jobs, on_run: console.reference_listener() };
        let outputs = ReferenceOutputs::in_directory(self.store.expected_dir());
        let problems: BTreeSet<_> = samples.iter().map(|sample| sample.problem).collect();
        let ReferenceResults { outputs, left_out } =
            outputs.of(&self.benchmark, problems, run).await?;
        for problem in &left_out {
            console.print_line(&problem.to_string());
        }
        let judgeable = samples.iter().filter(|sample| outputs.contains_key(&sample.problem));
        let show = console.samples_listener(judgeable.count());
        let plan = SamplesPlan {
            benchmark: Arc::clone(&self.benchmark),
            outputs,
            samples,
            cases: if self.args.base_only { CaseSet::Base } else { CaseSet::BaseAndPlus },
            stop: if self.args.first_failure {
                StopPolicy::FirstFailure
            } else {
                StopPolicy::AllCalls
            },
            jobs,
        };
        let judged = Arc::clone(&self.judged);
        let on_judged: SamplesListener = Arc::new(move |sample| {
            show(sample);
            judged.lock().unwrap_or_else(PoisonError::into_inner).push(sample.clone());
        });
        let outcome = judge(&sandbox, plan, on_judged).await;
        Ok(JudgedSamples { image: sandbox.image().pinned(), outcome, left_out })
    }

    /// Writes the verdicts of an interrupted run: they took time and perhaps money.
    fn keep_judged(&self, count: usize, console: &Console) -> Result {
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if judged.is_empty() {
            return Ok(());
        }
        judged.sort_by(|a, b| (&a.task_id, a.sample).cmp(&(&b.task_id, b.sample)));
        write_verdicts(&self.verdicts, &judged)?;
        let (done, path) = (judged.len(), self.verdicts.display());
        console.print_line(&format!("{done} of {count} samples were judged: {path}"));
        Ok(())
    }

    fn report(&self, judged: &JudgedSamples, console: &Console) -> Result {
        let JudgedSamples { image, outcome, left_out } = judged;
        let SamplesOutcome { judged, unjudged, profile } = outcome;
        write_verdicts(&self.verdicts, judged)?;
        let estimates = estimates(judged);
        let problems = self.count_problems(judged, left_out, console);
        let file = &self.args.benchmark;
        let sheet = sheet(&estimates);
        match self.args.form.format() {
            OutputFormat::Csv => print(&sheet.csv())?,
            OutputFormat::Markdown => print(&sheet.markdown())?,
            OutputFormat::Text | OutputFormat::Junit => print(&sheet.text())?,
            OutputFormat::Json => print_json(&SamplesDocument {
                benchmark: file.path.display().to_string(),
                advisory: file.is_advisory(),
                image,
                problems,
                samples: judged.len(),
                pass_at: &estimates,
                verdicts: &self.verdicts,
                read_ms: self.read_ms,
                profile: *profile,
                faults: unjudged,
                left_out,
            })?,
        }
        if file.is_advisory() {
            console.print_line(ADVISORY);
        }
        console.print_line(&format!("verdicts: {}", self.verdicts.display()));
        for UnjudgedSample { task_id, sample, fault } in unjudged {
            console.print_line(&format!("fault: sample {sample} of {task_id}: {fault}"));
        }
        if !left_out.is_empty() {
            let count = counted(left_out.len(), "problem");
            console.print_line(&format!("{count} left out: no sample of them counts"));
        }
        if unjudged.is_empty() && left_out.is_empty() {
            Ok(())
        } else {
            Err(CommandError::Reported)
        }
    }

    fn count_problems(
        &self,
        judged: &[SampleVerdict],
        left_out: &[LeftOutProblem],
        console: &Console,
    ) -> usize {
        let mut names: Vec<_> = judged.iter().map(|judged| judged.task_id.as_str()).collect();
        names.dedup();
        let all = self.benchmark.entries.len();
        if names.len() + left_out.len() < all {
            let found = names.len();
            console.print_line(&format!(
                "only {found} of the benchmark's {all} problems have a sample"
            ));
        }
        names.len()
    }
}

/// `samples.jsonl` gives `samples_verdicts.jsonl`.
fn default_output(samples: &Path) -> PathBuf {
    let name = samples.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.trim_end_matches(".gz").trim_end_matches(".jsonl");
    samples.with_file_name(format!("{stem}_verdicts.jsonl"))
}

/// Fails before anything is judged if the verdicts could not be written afterwards.
fn check_output(path: &Path, inputs: [&PathBuf; 2]) -> Result {
    let unusable = |why: &dyn Display| {
        let path = path.display();
        CommandError::Input(format!(
            "cannot write the verdicts to {path}: {why}; name another file with --output"
        ))
    };
    let is_new = !path.exists();
    let open = std::fs::OpenOptions::new().append(true).create(true).open(path);
    open.map_err(|error| unusable(&error))?;
    let same =
        |input: &&PathBuf| std::fs::canonicalize(input).ok() == std::fs::canonicalize(path).ok();
    if inputs.iter().any(same) {
        return Err(unusable(&"it is an input of this command"));
    }
    if is_new {
        std::fs::remove_file(path).map_err(|error| unusable(&error))?;
    }
    Ok(())
}

fn sheet(estimates: &PassEstimates) -> Sheet {
    let mut sheet = Sheet::new(["cases", "#k", "#pass@k", "95% of resamples"]);
    let mut rows = |name: &str, all: &[PassAt]| {
        for PassAt { k, estimate, interval: [low, high] } in all {
            sheet.push([
                name.to_owned(),
                k.to_string(),
                format!("{estimate:.3}"),
                format!("{low:.3} to {high:.3}"),
            ]);
        }
    };
    rows("base", &estimates.base);
    rows("base and plus", estimates.plus.as_deref().unwrap_or_default());
    sheet
}
