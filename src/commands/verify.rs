//! `arena verify`: recomputes a closed round, checks its signature and its place in the chain, and on request runs some
//! of its trials again.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use harness::benchmark::file::{Benchmark, BenchmarkFile};
use harness::benchmark::private_tasks::PrivateBenchmark;
use harness::benchmark::tasks::{ExportedTasks, StoredTasks, exported, stored};
use harness::export::check::ExportedRound;
use harness::round::rerun::{RerunPlan, SourcePlace, defined_trials, rerun};
use harness::sandbox::{Sandbox, SandboxSettings};
use harness::scoring::chain::{ClosedRound, check_chain};
use harness::scoring::verify::{RoundReport, unchecked, verify};
use platform::api::{RANKING_NAMESPACE, RECEIPT_NAMESPACE, Ranking, Round, SignedReceipt};
use platform::signing::TrustedSigners;
use platform::similarity::program_sha256;
use tasks::{Sha256, Task, TaskId};

use crate::args::{BenchmarkArgs, JobsArgs, PackageArgs, PrivateArgs, SandboxArgs, StoreArgs};
use crate::console::{Console, print, print_line};
use crate::exit::{CommandError, Result};
use crate::output::text::counted;
use crate::sandbox::with_sandbox;

/// Arguments of `verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// File with the output of 'evaluate --close --json' or of 'GET /rankings', or directory of 'arena export'
    #[arg(value_name = "REPORT", required_unless_present = "receipt")]
    report: Option<PathBuf>,
    /// Check that the round follows this closed round, a report, ranking or export; repeatable, for longer chains
    #[arg(long, value_name = "FILE")]
    previous: Vec<PathBuf>,
    /// Public key that must have signed, or an `allowed_signers` file of ssh-keygen with such keys
    #[arg(long, value_name = "FILE")]
    signer: Option<PathBuf>,
    /// Check this receipt of an upload, as 'arena upload' keeps it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["report", "previous", "rerun", "benchmark"])]
    receipt: Option<PathBuf>,
    /// Also run this many random trials of the report again, or 'all', with the agents of the store or export, and
    /// compare
    #[arg(long, value_name = "N")]
    rerun: Option<RerunCount>,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    private: PrivateArgs,
    #[command(flatten)]
    packages: PackageArgs,
    #[command(flatten)]
    jobs: JobsArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

/// How many trials run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RerunCount {
    Some(u16),
    All,
}

impl FromStr for RerunCount {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "all" => Ok(Self::All),
            Ok(count) if count > 0 => Ok(Self::Some(count)),
            _ => Err("expected a number from 1 to 65535, or 'all'".to_owned()),
        }
    }
}

/// What is verified.
struct Verification {
    /// How it is named in messages
    shown: String,
    report: RoundReport,
    definitions: Vec<Task>,
    benchmark: Option<Benchmark>,
    private: Option<PrivateBenchmark>,
    export: Option<ExportedRound>,
    settings: SandboxSettings,
}

/// Prints what in the round does not follow from the rest; the status is 1 if anything does not.
pub async fn run(args: VerifyArgs) -> Result {
    if let Some(receipt) = &args.receipt {
        return verify_receipt(receipt, args.signer.as_deref());
    }
    let Some(path) = &args.report else { return Ok(()) };
    let trusted = args.signer.as_deref().map(|path| read_signers(path, RANKING_NAMESPACE));
    let trusted = trusted.transpose()?;
    let earlier = args.previous.iter().map(|path| read_closed(path));
    let earlier = earlier.collect::<Result<Vec<_>>>()?;
    let export = export_in(path)?;
    if let Some(export) = &export {
        report_problems(&export.check_sums().map_err(CommandError::input)?)?;
    }
    let file = export.as_ref().map_or_else(|| path.clone(), ExportedRound::report);
    let text = read(&file)?;
    if let Some(ranking) = ranking_alone(&text) {
        if args.rerun.is_some() {
            return Err(CommandError::Input(format!(
                "{} is a ranking without trials; --rerun takes a report or an export",
                file.display()
            )));
        }
        return verify_ranking(&file, &ranking, trusted.as_ref(), &earlier);
    }
    let report = RoundReport::parse(&text).map_err(|error| {
        CommandError::Input(format!(
            "{} is not a report: {error}; name a file with the output of 'arena evaluate --json'",
            file.display()
        ))
    })?;
    let verification = args.verification(path, report, export)?;
    let mut problems = verification.problems();
    // An open round is refused already.
    if let Ok(round) = ClosedRound::parse(&text) {
        problems.extend(problems_of_chain(&round, trusted.as_ref(), &earlier));
        report_problems(&problems)?;
        let again = verification.run_again(&args).await?;
        let unchecked = unchecked(&verification.report, &verification.definitions);
        if unchecked > 0 {
            print_line(&format!(
                "{} not checked against their definitions; name their file with --private",
                counted(unchecked, "private task")
            ));
        }
        return print(&verification.summary(&round, &again, trusted.as_ref(), &earlier));
    }
    report_problems(&problems)
}

impl VerifyArgs {
    /// Finds the definitions of the report's tasks: the built-in ones, or those of the benchmark that is named or exported.
    /// The expected values of a benchmark's are in the store or in the export.
    fn verification(
        &self,
        path: &Path,
        report: RoundReport,
        export: Option<ExportedRound>,
    ) -> Result<Verification> {
        let shown = path.display().to_string();
        let Round { tasks, image, private: stated, .. } = &report.round;
        let (mut benchmark, mut packages) = (self.benchmark.read()?, self.packages);
        let exported_benchmark = export.as_ref().and_then(ExportedRound::benchmark);
        let mut expected = None;
        if let (None, Some((settings, file))) = (&benchmark, exported_benchmark) {
            let file: BenchmarkFile =
                format!("evalplus:{}", file.display()).parse().map_err(CommandError::input)?;
            let read = Benchmark::read(&file, settings.memory_bytes);
            benchmark = Some(read.map_err(CommandError::input)?);
            packages.site_packages |= settings.site_packages;
            expected = export.as_ref().map(ExportedRound::expected_dir);
        }
        let private = self.private.read(benchmark.as_ref(), None)?;
        // Without their file, private tasks have no definitions.
        let is_known = |id: &&TaskId| private.is_some() || !id.is_private();
        let tasks = &tasks.iter().filter(is_known).cloned().collect::<Vec<_>>();
        let definitions = match (&benchmark, expected) {
            (Some(benchmark), Some(expected)) => {
                exported(&ExportedTasks { tasks, image, benchmark, expected })?
            }
            _ if benchmark.is_some() || private.is_some() => stored(&StoredTasks {
                tasks,
                image,
                store: &self.store.open_existing()?,
                benchmark: benchmark.as_ref(),
                private: stated.as_ref().filter(|_| private.is_some()),
                private_file: private.as_ref(),
            })?,
            _ => match tasks.iter().find(|id| tasks::find(id.as_str()).is_none()) {
                None => tasks::all(),
                Some(id) => {
                    return Err(CommandError::Input(format!(
                        "{shown} has task {id}, which is not built in; if its round was run on a benchmark, name the \
                         file with --benchmark"
                    )));
                }
            },
        };
        let settings = self.sandbox.settings_for(benchmark.as_ref(), packages);
        Ok(Verification { shown, report, definitions, benchmark, private, export, settings })
    }
}

impl Verification {
    /// One sentence for everything that does not follow from the rest.
    fn problems(&self) -> Vec<String> {
        let ids = |file: &Benchmark| file.entries.iter().map(|entry| entry.id.clone()).collect();
        let mut all: Vec<_> = match &self.benchmark {
            Some(benchmark) => ids(benchmark),
            None => tasks::all().into_iter().map(|task| task.id).collect(),
        };
        all.extend(self.private.iter().flat_map(|private| ids(&private.benchmark)));
        let mut problems = verify(&self.report, &self.definitions, &all);
        if let Some(export) = &self.export {
            problems.extend(export.check_files(&self.report, &self.definitions));
        }
        problems
    }

    /// Runs random trials again, if that was asked for. Returns the end of a sentence about them.
    async fn run_again(&self, args: &VerifyArgs) -> Result<String> {
        let trials = defined_trials(&self.report, &self.definitions).len();
        let count = match args.rerun {
            None => return Ok(String::new()),
            Some(RerunCount::All) => trials,
            Some(RerunCount::Some(count)) => trials.min(count.into()),
        };
        let sources = match &self.export {
            Some(export) => SourcePlace::Export(export.clone()),
            None => SourcePlace::Store(args.store.open_existing()?),
        };
        report_problems(&other_programs(&self.report, &sources)?)?;
        let (report, definitions) = (&self.report, &self.definitions[..]);
        let plan = RerunPlan { report, definitions, count, jobs: args.jobs.count(), sources };
        let work = |sandbox: Sandbox| async move { Ok(rerun(&sandbox, plan).await?) };
        report_problems(&with_sandbox(&self.settings, &Console::new(), work).await?)?;
        Ok(format!("; {count} trials run again gave the same"))
    }

    fn summary(
        &self,
        round: &ClosedRound,
        again: &str,
        trusted: Option<&TrustedSigners>,
        earlier: &[ClosedRound],
    ) -> String {
        format!(
            "{} holds: round {}, its commitment, {} trials, scores, ranks and rewards{again}\n{}",
            self.shown,
            round.link.id,
            self.report.trials.len(),
            provenance(round, trusted, earlier)
        )
    }
}

/// Who signed a round, and what it follows, in lines.
fn provenance(
    round: &ClosedRound,
    trusted: Option<&TrustedSigners>,
    earlier: &[ClosedRound],
) -> String {
    let signed = match (round.signer(), trusted) {
        (None, _) => "not signed".to_owned(),
        (Some(signer), Some(trusted)) => {
            format!("signed by {}, a key of {}", signer.fingerprint(), trusted.path().display())
        }
        (Some(signer), None) => {
            format!("signed by {}; --signer FILE checks whose key that is", signer.fingerprint())
        }
    };
    let chain = match (&round.ranked.round.previous, earlier.len()) {
        (None, _) => "it names no closed round before it".to_owned(),
        (Some(before), 0) => {
            format!("it follows round {}; --previous FILE checks that", before.id)
        }
        (Some(before), 1) => format!("it follows round {}, as given", before.id),
        (Some(before), count) => {
            format!("it follows round {}, and the {count} rounds given are a chain", before.id)
        }
    };
    format!("{signed}\n{chain}\n")
}

/// One sentence for each round that is not signed by a trusted key, not consistent, or not where the next one says.
fn problems_of_chain(
    round: &ClosedRound,
    trusted: Option<&TrustedSigners>,
    earlier: &[ClosedRound],
) -> Vec<String> {
    let rounds = || std::iter::once(round).chain(earlier);
    let mut problems: Vec<_> =
        trusted.into_iter().flat_map(|t| rounds().filter_map(|one| one.refused_by(t))).collect();
    for one in earlier {
        let found = one.ranked.check();
        problems.extend(found.into_iter().map(|what| format!("round {}: {what}", one.link.id)));
    }
    problems.extend(check_chain(round, earlier));
    problems
}

/// Verifies a published ranking: what can be seen without its trials.
fn verify_ranking(
    path: &Path,
    round: &ClosedRound,
    trusted: Option<&TrustedSigners>,
    earlier: &[ClosedRound],
) -> Result {
    let mut problems = round.ranked.check();
    problems.extend(problems_of_chain(round, trusted, earlier));
    report_problems(&problems)?;
    print(&format!(
        "{} holds: the ranking of round {} and its commitment; its trials are in the report\n{}",
        path.display(),
        round.link.id,
        provenance(round, trusted, earlier)
    ))
}

/// The closed round in a document, if that is a published ranking and not a report.
fn ranking_alone(text: &[u8]) -> Option<ClosedRound> {
    let document: serde_json::Value = serde_json::from_slice(text).ok()?;
    let is_report = document.get("trials").is_some() || document.get("digest").is_some();
    if is_report { None } else { ClosedRound::parse(text).ok() }
}

fn verify_receipt(path: &Path, signer: Option<&Path>) -> Result {
    let shown = path.display();
    let receipt: SignedReceipt = serde_json::from_slice(&read(path)?).map_err(|error| {
        CommandError::Input(format!("{shown} is not a receipt as 'arena upload' keeps it: {error}"))
    })?;
    let trusted = signer.map(|path| read_signers(path, RECEIPT_NAMESPACE)).transpose()?;
    let signed_by = match receipt.signer() {
        Ok(signed_by) => signed_by,
        Err(reason) => return report_problems(&[format!("{shown}: {reason}")]),
    };
    let refused = trusted.as_ref().and_then(|trusted| trusted.refuse(&signed_by));
    report_problems(
        &refused.map(|reason| format!("{shown}: {reason}")).into_iter().collect::<Vec<_>>(),
    )?;
    let whose = match trusted {
        Some(trusted) => format!(", a key of {}", trusted.path().display()),
        None => "; --signer FILE checks whose key that is".to_owned(),
    };
    print(&format!(
        "{shown} holds: {}, version {}, sha256 {}, accepted {}\nsigned by {}{whose}\n",
        receipt.miner_id,
        receipt.version,
        receipt.sha256,
        receipt.uploaded_at,
        signed_by.fingerprint()
    ))
}

fn read_signers(path: &Path, namespace: &'static str) -> Result<TrustedSigners> {
    TrustedSigners::read(path, namespace).map_err(CommandError::input)
}

/// The export in a directory; none if the path is that of a file.
fn export_in(path: &Path) -> Result<Option<ExportedRound>> {
    let export = path.is_dir().then(|| ExportedRound::open(path));
    export.transpose().map_err(CommandError::input)
}

/// Reads a closed round before the one that is verified.
fn read_closed(path: &Path) -> Result<ClosedRound> {
    let file = export_in(path)?.map_or_else(|| path.to_owned(), |export| export.report());
    ClosedRound::parse(&read(&file)?)
        .map_err(|error| CommandError::Input(format!("{}: {error}", file.display())))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path)
        .map_err(|error| CommandError::Input(format!("cannot read {}: {error}", path.display())))
}

/// Returns one sentence for each agent whose digest of a program is not that of its source: what a report alone cannot
/// show.
fn other_programs(report: &RoundReport, sources: &SourcePlace) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for Ranking { miner_id, agent_sha256, program_sha256: stated, .. } in &report.rankings {
        let source = sources.source(miner_id, agent_sha256)?;
        let program = program_sha256(source.as_bytes()).map_err(|error| {
            CommandError::Fault(format!("cannot read the program of '{miner_id}': {error}"))
        })?;
        if stated.as_ref() != Some(&program) {
            problems.push(format!(
                "'{miner_id}' is listed with {} as the digest of its program, but its source has {}",
                stated.as_ref().map_or("none", Sha256::short),
                program.short()
            ));
        }
    }
    Ok(problems)
}

fn report_problems(problems: &[String]) -> Result {
    for problem in problems {
        print(&format!("{problem}\n"))?;
    }
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
