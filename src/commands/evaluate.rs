//! `arena evaluate`: runs the trials that have no result yet, then ranks and rewards.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use harness::benchmark::file::BenchmarkFile;
use harness::round::agent::{self, Agent, stored_agents};
use harness::round::controls::{ProvenRound, run_proven};
use harness::round::partition::Partition;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::remote::{RemotePlatform, RemoteValidator, read_token};
use harness::round::results::Results;
use harness::round::run::RoundOutcome;
use harness::round::seed::{SeedChoice, commit_round, commitment, open_round};
use harness::round::standings::{Publication, Standings};
use harness::sandbox::{Image, Sandbox};
use harness::trial::instance::RoundTask;
use harness::trial::record::Disclose;
use harness::trial::shrink;
use jiff::Timestamp;
use platform::api::{FaultRecord, Round};
use platform::store::{RoundFile, Store};
use serde::Serialize;
use tasks::Seed;

use crate::args::{
    BenchmarkArgs, DiscloseArgs, JobsArgs, OutputArgs, RewardArgs, SandboxArgs, StoreArgs,
    TaskArgs, choice,
};
use crate::console::{Console, print, print_json};
use crate::exit::{CommandError, Result};
use crate::ranking::finish;
use crate::sandbox::with_sandbox;
use crate::task_source::TaskSource;

/// Arguments of `evaluate`.
#[derive(Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Evaluate the tasks that this platform serves
    #[arg(long, value_name = "URL")]
    platform: Option<String>,
    /// Evaluate that platform's agents too and publish the rankings there, as its validator: the file holds
    /// the validator token. Results are kept in the local store
    #[arg(long, requires = "platform", value_name = "FILE")]
    validator_token_file: Option<PathBuf>,
    #[command(flatten)]
    tasks: TaskArgs,
    /// Evaluate only this agent and leave the store's rankings unchanged; repeatable
    #[arg(long = "agent", value_name = "MINER_ID")]
    agents: Vec<String>,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    /// Seed of the generated cases [default: the seed of the store's round, or a new one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Start a new round with a new seed
    #[arg(long, conflicts_with = "seed")]
    new_seed: bool,
    /// Draw the secret seed of the next round, print its commitment, and stop. The next 'evaluate' uses that
    /// seed, and its report reveals it
    #[arg(long, conflicts_with_all = ["seed", "new_seed"])]
    commit: bool,
    /// Run only this part of the trials, such as 1/4, and rank no one; 'arena merge' and 'arena rank' follow
    #[arg(long, value_name = "K/N", conflicts_with = "validator_token_file")]
    partition: Option<Partition>,
    #[command(flatten)]
    jobs: JobsArgs,
    /// What gets a container of its own
    #[arg(long, value_name = "UNIT", default_value_t = Isolation::Agent, value_parser = choice(Isolation::ALL))]
    isolation: Isolation,
    #[command(flatten)]
    reward: RewardArgs,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is evaluated.
struct Evaluation<'a> {
    args: &'a EvaluateArgs,
    store: &'a Store,
    open: RoundFile,
    agents: Vec<Agent>,
    tasks: Arc<[RoundTask]>,
}

/// Runs a round over the store.
pub async fn run(args: EvaluateArgs) -> Result {
    let console = Console::new();
    let platform = args.remote_platform()?;
    let store = args.store.open()?;
    if args.commit {
        return print(&format!("{}\n", commit_round(&store)?));
    }
    let EvaluateArgs { tasks, benchmark, store: store_args, sandbox, .. } = &args;
    let source = TaskSource { tasks, benchmark, store: store_args, sandbox };
    let mut tasks = source.load(&console).await?;
    if let Some(platform) = &platform {
        tasks = platform.tasks(tasks).await?;
    }
    let validator = platform.as_ref().and_then(RemotePlatform::as_validator);
    let agents = load_agents(&store, validator.as_ref(), &console).await?;
    let agents = agent::choose(agents, &args.agents)?;
    let open = open_round(&store, args.seed_choice())?;
    let seed = open.seed;
    let tasks = tasks.into_iter().map(|task| RoundTask::new(task, seed)).collect();
    let evaluation = Evaluation { args: &args, store: &store, open, agents, tasks };

    let started_at = Timestamp::now();
    let work = |sandbox| evaluation.run(sandbox, &console);
    let (image, proven) = with_sandbox(&args.sandbox, &console, work).await?;
    if let Some(partition) = args.partition {
        return report_part(partition, &proven.outcome, &args.output, &console);
    }
    let round = evaluation.round(&image, &proven, started_at);
    let standings = Standings {
        store: &store,
        agents: &evaluation.agents,
        tasks: &proven.tasks,
        image: &image.id,
        scores: proven.outcome.scores,
        round,
        disclose: args.disclose.disclose,
        publication: args.publication(),
    };
    let publishes = standings.publication == Publication::Publish;
    let rankings = finish(&standings, &args.reward, &args.output)?;
    if let Some(validator) = validator
        && publishes
    {
        validator.publish(&rankings).await?;
        console.print_line(&format!("published on {}", validator.url));
    }
    Ok(())
}

impl EvaluateArgs {
    fn remote_platform(&self) -> Result<Option<RemotePlatform>> {
        let Some(url) = &self.platform else { return Ok(None) };
        let token = self.validator_token_file.as_deref().map(read_token).transpose()?;
        Ok(Some(RemotePlatform::new(url, token)?))
    }

    fn seed_choice(&self) -> SeedChoice {
        match self.seed {
            Some(seed) => SeedChoice::Fixed(Seed(seed)),
            None if self.new_seed => SeedChoice::Fresh,
            None => SeedChoice::Stored,
        }
    }

    /// Published rankings cover every agent, and rest on verdicts that no agent can forge.
    fn publication(&self) -> Publication {
        let advisory = self.benchmark.file.as_ref().is_some_and(BenchmarkFile::is_advisory);
        if self.agents.is_empty() && !advisory {
            Publication::Publish
        } else {
            Publication::Unofficial
        }
    }
}

/// Loads the agents of the platform whose validator this is, or else of the store.
async fn load_agents(
    store: &Store,
    validator: Option<&RemoteValidator<'_>>,
    console: &Console,
) -> Result<Vec<Agent>> {
    if let Some(validator) = validator {
        let found = validator.agents().await?;
        if found.damaged > 0 {
            console.print_line(&format!(
                "warning: {} of the platform's agents cannot be evaluated because their metadata is damaged; its \
                 operator can see which",
                found.damaged
            ));
        }
        return Ok(found.agents);
    }
    let found = stored_agents(store)?;
    for damaged in &found.damaged {
        console.print_line(&format!("warning: {damaged}"));
    }
    if found.agents.is_empty() {
        console.print_line(&format!(
            "{} holds no agents; 'arena mine' makes one, 'arena upload' uploads one",
            store.root().display()
        ));
    }
    Ok(found.agents)
}

impl Evaluation<'_> {
    /// Runs the controls, then the agents on the tasks that the controls prove sound.
    async fn run(&self, sandbox: Sandbox, console: &Console) -> Result<(Image, ProvenRound)> {
        let image = sandbox.image().clone();
        // A run over some of the agents does not change the store's round.
        if self.args.agents.is_empty() {
            let tasks = self.tasks.iter().map(|task| task.id().clone()).collect();
            let image = image.id.clone();
            self.store.put_round(&RoundFile { image, tasks, ..self.open.clone() })?;
        }
        let plan = RoundPlan {
            agents: self.agents.clone(),
            tasks: Arc::clone(&self.tasks),
            results: Some(Results::of(self.store)),
            jobs: self.args.jobs.count(),
            isolation: self.args.isolation,
            partition: self.args.partition,
            shrinking: match self.args.disclose.disclose {
                Disclose::None => Duration::ZERO,
                Disclose::Public | Disclose::All => shrink::QUICK,
            },
        };
        let proven = run_proven(&sandbox, plan, console.round_listener()).await?;
        Ok((image, proven))
    }

    /// Describes the round that was run.
    fn round(&self, image: &Image, proven: &ProvenRound, started_at: Timestamp) -> Round {
        let ProvenRound { tasks, outcome } = proven;
        let RoundFile { seed, salt, .. } = &self.open;
        Round {
            id: format!("{started_at:.3}-{seed}"),
            commitment: salt.as_ref().map(|salt| commitment(*seed, salt)),
            salt: salt.clone(),
            seed: *seed,
            started_at,
            finished_at: Timestamp::now(),
            tasks: tasks.iter().map(|task| task.id().clone()).collect(),
            image: image.pinned(),
            isolation: self.args.isolation.to_string(),
            pool_tao: self.args.reward.pool.to_string(),
            payout: self.args.reward.payout.to_string(),
            trials: (self.agents.len() * tasks.len()) as u64,
            cached: outcome.cached,
            faults: outcome.faults.clone(),
        }
    }
}

/// Reports a part of a split round: its results are kept, and no one is ranked.
fn report_part(
    partition: Partition,
    outcome: &RoundOutcome,
    output: &OutputArgs,
    console: &Console,
) -> Result {
    #[derive(Serialize)]
    struct PartDocument<'a> {
        part: String,
        trials: usize,
        cached: u64,
        faults: &'a [FaultRecord],
    }
    let trials = outcome.scores.values().map(std::collections::BTreeMap::len).sum();
    let RoundOutcome { cached, faults, .. } = outcome;
    if output.json {
        print_json(&PartDocument { part: partition.to_string(), trials, cached: *cached, faults })?;
    }
    console.print_line(&format!(
        "part {partition}: {trials} trials have a result, {cached} of them from before; 'arena merge' brings \
         the parts together, and 'arena rank' ranks"
    ));
    if faults.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
