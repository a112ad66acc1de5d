//! `harness samples`: judges a model's samples on a public benchmark, and prints pass@k.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use harness::Fault;
use harness::benchmark::file::Truths;
use harness::benchmark::samples::{self, Estimates, Judged, Outcome, Plan, Profile, Unjudged};
use harness::console::Console;
use harness::sandbox::Sandbox;
use harness::scoring::pass_at::PassAt;
use harness::trial::judge::Until;
use platform::store::{Store, write_atomically};
use serde::Serialize;

use super::{ADVISORY, Failure, print, print_json, processors, read_benchmark, with_sandbox};
use crate::cli::Samples;

/// The document of `samples --json`.
#[derive(Serialize)]
struct Document<'a> {
    suite: String,
    /// Whether verdicts rest on assertions that ran beside the samples
    advisory: bool,
    image: String,
    problems: usize,
    samples: usize,
    pass_at: &'a Estimates,
    verdicts: &'a Path,
    /// Reading the files, in milliseconds
    read_ms: u128,
    profile: Profile,
    faults: &'a [Unjudged],
}

/// Judges every sample, writes a line for each, and prints pass@k.
pub async fn run(args: Samples) -> Result<(), Failure> {
    let console = Console::new();
    let started = Instant::now();
    let benchmark = Arc::new(read_benchmark(&args.suite)?);
    let samples =
        samples::read(&args.file, &benchmark).map_err(|error| Failure::Input(error.to_string()))?;
    let read_ms = started.elapsed().as_millis();
    let store = Store::open(&args.store.store)?;
    let verdicts = args.output.clone().unwrap_or_else(|| beside(&args.file));
    check_output(&verdicts, [&args.file, &args.suite.path])?;
    let count = samples.len();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let work = |sandbox: Sandbox| {
        let (console, benchmark, args) = (&console, Arc::clone(&benchmark), &args);
        let truths = Truths::in_folder(store.expected_dir());
        let kept = Arc::clone(&kept);
        async move {
            let jobs = args.jobs.map_or_else(processors, usize::from);
            let told = console.clone();
            let on_run = Arc::new(move |name: &str| told.working_out(name));
            let truths = truths.of(&sandbox, &benchmark, jobs, on_run).await?;
            let plan = Plan {
                benchmark,
                truths,
                samples,
                base_only: args.base_only,
                until: if args.first_failure { Until::FirstFailure } else { Until::AllMade },
                jobs,
            };
            let bar = console.samples(count);
            let on_judged: samples::Listener = Arc::new(move |judged| {
                bar(judged);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(judged.clone());
            });
            let outcome = samples::judge(&sandbox, plan, on_judged).await;
            Ok((sandbox.image().pinned(), outcome))
        }
    };
    let (image, outcome) = match with_sandbox(&args.options, &console, work).await {
        Ok(done) => done,
        Err(failure) => {
            // What was judged until then took time and perhaps money.
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.sort_by(|a, b| (&a.task_id, a.sample).cmp(&(&b.task_id, b.sample)));
            if !kept.is_empty() {
                write(&verdicts, &kept)?;
                let (judged, path) = (kept.len(), verdicts.display());
                console.say(&format!("{judged} of {count} samples were judged: {path}"));
            }
            return Err(failure);
        }
    };
    write(&verdicts, &outcome.judged)?;
    let estimates = samples::estimates(&outcome.judged);
    let Outcome { judged, unjudged, profile } = &outcome;
    let mut names: Vec<_> = judged.iter().map(|judged| judged.task_id.as_str()).collect();
    names.dedup();
    let problems = names.len();
    if problems < benchmark.entries.len() {
        let all = benchmark.entries.len();
        console.say(&format!("only {problems} of the suite's {all} problems have a sample"));
    }
    if args.json {
        print_json(&Document {
            suite: args.suite.path.display().to_string(),
            advisory: args.suite.is_advisory(),
            image,
            problems,
            samples: judged.len(),
            pass_at: &estimates,
            verdicts: &verdicts,
            read_ms,
            profile: *profile,
            faults: unjudged,
        })?;
    } else {
        print(&table(&estimates))?;
        if args.suite.is_advisory() {
            print(&format!("{ADVISORY}\n"))?;
        }
    }
    console.say(&format!("verdicts: {}", verdicts.display()));
    for Unjudged { task_id, sample, fault } in unjudged {
        console.say(&format!("fault: sample {sample} of {task_id} could not be judged: {fault}"));
    }
    if unjudged.is_empty() { Ok(()) } else { Err(Failure::Faults) }
}

/// `samples.jsonl` gives `samples_verdicts.jsonl`.
fn beside(samples: &Path) -> PathBuf {
    let name = samples.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.trim_end_matches(".gz").trim_end_matches(".jsonl");
    samples.with_file_name(format!("{stem}_verdicts.jsonl"))
}

/// Says before anything is judged what could not be written afterwards.
fn check_output(path: &Path, inputs: [&PathBuf; 2]) -> Result<(), Failure> {
    let wrong = |why: &dyn Display| {
        let path = path.display();
        Failure::Input(format!(
            "cannot write the verdicts to {path}: {why}; name another file with --output"
        ))
    };
    let is_new = !path.exists();
    let open = std::fs::OpenOptions::new().append(true).create(true).open(path);
    open.map_err(|cause| wrong(&cause))?;
    if inputs
        .iter()
        .any(|input| std::fs::canonicalize(input).ok() == std::fs::canonicalize(path).ok())
    {
        return Err(wrong(&"it is read from"));
    }
    if is_new {
        std::fs::remove_file(path).map_err(|cause| wrong(&cause))?;
    }
    Ok(())
}

fn write(path: &Path, judged: &[Judged]) -> Result<(), Fault> {
    let line = |judged| serde_json::to_string(judged).expect("verdicts are plain data") + "\n";
    let lines: String = judged.iter().map(line).collect();
    if path.is_file() || !path.exists() {
        return Ok(write_atomically(path, lines.as_bytes())?);
    }
    // A pipe or a device cannot be replaced.
    std::fs::write(path, lines).map_err(|cause| Fault::File {
        action: "write",
        path: path.to_owned(),
        cause,
    })
}

fn table(estimates: &Estimates) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["cases", "k", "pass@k", "95% of resamples"]);
    let mut rows = |name: &str, all: &[PassAt]| {
        for PassAt { k, estimate, interval: [low, high] } in all {
            table.add_row([
                name.to_owned(),
                k.to_string(),
                format!("{estimate:.3}"),
                format!("{low:.3} to {high:.3}"),
            ]);
        }
    };
    rows("base", &estimates.base);
    rows("base and plus", estimates.plus.as_deref().unwrap_or_default());
    for column in 1..3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}
