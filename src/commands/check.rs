//! `arena check`: runs one local file as a validator would.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use harness::gateway::round::Gateway;
use harness::round::check::CheckOutcome;
use harness::round::check::{CheckRequest, check};
use harness::scoring::report::{CheckDocument, score as number};
use miner::submit::agent_file::read_agent;

use platform::api::DisclosedTrial;

use crate::args::{
    BenchmarkArgs, DiscloseArgs, JobsArgs, PackageArgs, SandboxArgs, SeedArgs, StoreArgs, TaskArgs,
};
use crate::console::{Console, print, print_json};
use crate::exit::{CommandError, Result};
use crate::model::{ModelArgs, model_usage};
use crate::output::format::{FormatArgs, OutputFormat};
use crate::output::junit::junit;
use crate::output::text::counted;
use crate::output::trials::{self, RowOutcome, TaskLimits, TrialRow, TrialsView};
use crate::sandbox::with_sandbox;
use crate::task_source::{LoadedTasks, TaskSource};

/// Arguments of `check`.
#[derive(Args)]
pub struct CheckArgs {
    /// The agent
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    tasks: TaskArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    packages: PackageArgs,
    #[command(flatten)]
    jobs: JobsArgs,
    /// Leave out the tasks that passed
    #[arg(long, conflicts_with = "verbose")]
    failed: bool,
    /// Show every task by itself, with all kinds of failure; otherwise tasks that failed alike share a paragraph
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    output: FormatArgs,
    #[command(flatten)]
    model: ModelArgs,
}

/// Validates the file as an upload would be, runs it, and prints its scores and what it fails.
pub async fn run(args: CheckArgs) -> Result {
    let agent = read_agent(&args.file).map_err(CommandError::input)?;
    let console = Console::new();
    let CheckArgs { tasks, store, jobs, .. } = &args;
    let benchmark = args.benchmark.read()?;
    let settings = &args.sandbox.settings_for(benchmark.as_ref(), args.packages);
    let source = TaskSource { tasks, benchmark: benchmark.map(Arc::new), store, settings, jobs };
    let LoadedTasks { tasks, left_out } = source.load(&console).await?;
    let model = args.model.settings()?.map(|settings| Gateway::open(settings, None)).transpose()?;
    let seed = args.seed.seed();
    let disclose = args.disclose.disclose;
    let limits = tasks.iter().map(|task| (task.id.clone(), task.limits)).collect();
    let work = |sandbox| {
        let on_event = console.round_listener();
        let jobs = args.jobs.count();
        let request =
            CheckRequest { source: &agent, tasks, seed, disclose, jobs, model: model.clone() };
        async move { Ok(check(&sandbox, request, on_event).await?) }
    };
    let mut checked = with_sandbox(settings, &console, work).await?;
    if let Some(gateway) = &model {
        console.print_line(&model_usage(gateway));
    }
    checked.faults.extend(left_out.iter().map(ToString::to_string));
    match args.output.format() {
        OutputFormat::Text => print(&format!("{}seed: {seed}\n", args.text(&checked, &limits)))?,
        OutputFormat::Json => {
            let CheckOutcome { trials, score, faults } = &checked;
            print_json(&CheckDocument { trials, score: *score, faults })?;
        }
        OutputFormat::Junit => print(&junit(&args.rows(&checked)))?,
        OutputFormat::Csv => print(&trials::sheet(&args.rows(&checked)).csv())?,
        OutputFormat::Markdown => print(&trials::sheet(&args.rows(&checked)).markdown())?,
    }
    if checked.faults.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}

/// Returns whether a call failed of which nothing is disclosed.
fn has_hidden_failure(trial: &DisclosedTrial) -> bool {
    trial.record.cases.iter().any(|case| !case.passed && case.detail.is_empty())
}

impl CheckArgs {
    fn text(&self, checked: &CheckOutcome, limits: &TaskLimits) -> String {
        let view = match (self.failed, self.verbose) {
            (true, _) => TrialsView::Failed,
            (_, true) => TrialsView::Verbose,
            _ => TrialsView::Grouped,
        };
        let score = match checked.score {
            Some(score) => number(score),
            None => format!("not judged, because of {}", counted(checked.faults.len(), "fault")),
        };
        let mut text = trials::text(&checked.trials, limits, view);
        if checked.trials.iter().any(has_hidden_failure) {
            text.push_str("\n'--disclose all' shows the hidden calls that failed\n");
        }
        format!("{text}\nscore: {score}\n")
    }

    /// The trials as rows; the agent has the name of its file.
    fn rows(&self, checked: &CheckOutcome) -> Vec<TrialRow> {
        let agent = self.file.display().to_string();
        let judged =
            |trial: &DisclosedTrial| TrialRow { agent: agent.clone(), ..TrialRow::judged(trial) };
        let fault = |fault: &String| {
            let (task, reason) = fault.split_once(": ").unwrap_or_default();
            let outcome = RowOutcome::NotJudged(reason.to_owned());
            TrialRow { agent: agent.clone(), task: task.to_owned(), outcome }
        };
        let judged = checked.trials.iter().map(judged);
        judged.chain(checked.faults.iter().map(fault)).collect()
    }
}
