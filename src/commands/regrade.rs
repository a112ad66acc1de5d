//! `arena regrade`: judges stored answers again under the tasks as they are now, and prints what changes.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use harness::round::agent::{VersionLimit, stored_agents};
use harness::round::controls::prove;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::regrade::{RegradeOutcome, RegradePlan, RegradedTrial, regrade};
use harness::round::results::Results;
use harness::round::stopping::StopRules;
use harness::scoring::report::score;
use harness::trial::instance::RoundTask;
use platform::api::TaskScore;

use crate::args::{
    BenchmarkArgs, JobsArgs, OutputArgs, PackageArgs, PrivateArgs, SandboxArgs, StoreArgs, TaskArgs,
};
use crate::console::{Console, print, print_json};
use crate::exit::{CommandError, Result};
use crate::output::sheet::Sheet;
use crate::output::text::counted;
use crate::sandbox::with_sandbox;
use crate::task_source::{LoadedTasks, TaskSource};

/// Arguments of `regrade`.
#[derive(Args)]
pub struct RegradeArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    tasks: TaskArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    private: PrivateArgs,
    #[command(flatten)]
    packages: PackageArgs,
    #[command(flatten)]
    jobs: JobsArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Judges the answers of the open round or, if none is open, of the latest one.
pub async fn run(args: RegradeArgs) -> Result {
    let console = Console::new();
    let store = args.store.open_existing()?;
    let _lock = store.lock_round()?;
    let judged = store.latest_round()?.filter(|round| !round.image.is_empty());
    let round = judged.ok_or_else(|| {
        let root = store.root().display();
        CommandError::Input(format!("{root} holds no judged round; run 'arena evaluate' first"))
    })?;
    let benchmark = args.benchmark.read()?;
    let private = args.private.read(benchmark.as_ref(), None)?;
    let settings = args.sandbox.settings_for(benchmark.as_ref(), args.packages);
    let (tasks, jobs) = (&args.tasks, &args.jobs);
    let benchmark = benchmark.map(Arc::new);
    let source = TaskSource { tasks, benchmark, store: &args.store, settings: &settings, jobs };
    let LoadedTasks { mut tasks, .. } = source.load(&console).await?;
    match (&private, &round.private) {
        (Some(private), _) => {
            tasks.extend(source.load_private(&private.benchmark, &console).await?.tasks);
        }
        (None, Some(_)) => console
            .print_line("the private tasks are left as they are; name their file with --private"),
        (None, None) => {}
    }
    let tasks = tasks.into_iter().filter(|task| round.tasks.contains(&task.id));
    let tasks: Vec<_> = tasks.map(|task| RoundTask::new(task, round.seed)).collect();
    if tasks.is_empty() {
        return Err(CommandError::Input(format!(
            "round {} has none of these tasks; name its benchmark with --benchmark",
            round.id
        )));
    }
    let agents = stored_agents(&store, VersionLimit::of(&round))?.agents;
    let (store, round, agents, console_) = (&store, &round, &agents, &console);
    let jobs = args.jobs.count();
    let work = |sandbox| async move {
        let proof = RoundPlan {
            agents: Vec::new(),
            tasks: tasks.into(),
            repeat: 1,
            stop: StopRules::default(),
            results: Some(Results::of(store)),
            jobs,
            jobs_per_agent: 1,
            isolation: Isolation::Agent,
            partition: None,
            shrinking: Duration::ZERO,
            model: None,
        };
        // No agent is judged by a task that its controls have not proved.
        let (tasks, _) = prove(&sandbox, &proof, &console_.round_listener()).await?;
        let plan = RegradePlan { store, round, agents, tasks, jobs };
        regrade(&sandbox, plan).await.map_err(CommandError::from)
    };
    let outcome = with_sandbox(&settings, &console, work).await?;
    if args.output.json { print_json(&outcome) } else { print(&text(&outcome)) }
}

fn text(outcome: &RegradeOutcome) -> String {
    let mut sheet = Sheet::new(["agent", "trial", "before", "after"]);
    let cell = |task: &TaskScore| format!("{} {}", task.verdict, score(task.score));
    let mut changed = 0;
    for RegradedTrial { miner_id, trial, before, after } in &outcome.regraded {
        if before != after {
            changed += 1;
            sheet.push([miner_id.to_string(), trial.clone(), cell(before), cell(after)]);
        }
    }
    let table = if sheet.is_empty() { String::new() } else { sheet.text() + "\n" };
    let again = counted(outcome.regraded.len(), "trial");
    let mut text = format!(
        "{table}{again} judged again, {changed} changed; {} as before\n",
        outcome.unchanged
    );
    if !outcome.without_answer.is_empty() {
        let missing = counted(outcome.without_answer.len(), "trial");
        text += &format!("{missing} without a stored answer: run 'arena evaluate'\n");
    }
    text
}
