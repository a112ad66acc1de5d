//! `arena evaluate`: opens a round or goes on with the open one, runs the trials that have no record yet, then ranks,
//! rewards, and on request closes the round.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cluster::connection::NatsConnection;
use harness::benchmark::file::BenchmarkFile;
use harness::benchmark::private_tasks::matching;
use harness::benchmark::reference_outputs::LeftOutProblem;
use harness::gateway::round::Gateway;
use harness::round::agent::{self, Agent, VersionLimit};
use harness::round::book::RoundOutcome;
use harness::round::controls::{ORACLE, ProvenRound, run_proven, run_proven_by};
use harness::round::partition::Partition;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::progress::{ProgressDestination, ProgressReporter};
use harness::round::remote::{PlatformSender, RemotePlatform, RemoteValidator, read_token};
use harness::round::results::Results;
use harness::round::seed::{OpenedRound, RoundRequest, open_round};
use harness::round::standings::{Coverage, Publication, RecordsOfRound, Standings, gate_history};
use harness::round::stopping::{DrawnScreening, ScreenRule, StopRules};
use harness::sandbox::{Sandbox, SandboxSettings};
use harness::scoring::score::TrialScores;
use harness::trial::instance::RoundTask;
use harness::trial::record::Disclose;
use harness::trial::shrink;
use jiff::Timestamp;
use platform::api::{
    FaultRecord, MAX_REPEAT, ProgressState, RankingShape, USUAL_MAX_DOCUMENT_BYTES,
    first_repetition,
};
use platform::store::{RoundDefinition, Store};
use serde::Serialize;
use tasks::{Seed, Sha256};

use crate::agent_source::load_agents;
use crate::args::{
    BenchmarkArgs, DiscloseArgs, JobsArgs, PackageArgs, PrivateArgs, RewardArgs, SandboxArgs,
    SignKeyArgs, StoreArgs, TaskArgs, choice,
};
use crate::console::{Console, print, print_json, print_line};
use crate::exit::{CommandError, Result};
use crate::model::{ModelArgs, model_usage};
use crate::nats::{NatsRound, NatsRoundArgs};
use crate::output::format::{FormatArgs, OutputFormat};
use crate::ranking::{check_judged, finish, publish_remotely, store_trials};
use crate::sandbox::with_sandbox;
use crate::task_source::{LoadedTasks, TaskSource};

/// Arguments of `evaluate`.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of the command line are independent")]
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
    #[command(flatten)]
    private: PrivateArgs,
    /// What to call the private tasks in public [default: the name of their file without extensions]
    #[arg(long, requires = "private", value_name = "NAME")]
    private_name: Option<String>,
    /// Seed of the round, if no round is open [default: a secret one is drawn]. A seed that a closed round has
    /// revealed is refused
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Open a round, print its commitment, and stop; 'arena evaluate' judges it
    #[arg(long, conflicts_with = "close")]
    open: bool,
    /// Open the round so that only agents uploaded before it are judged
    #[arg(long)]
    freeze: bool,
    /// Close the round after judging it: publish the final ranking and reveal the seed
    #[arg(long, conflicts_with = "partition")]
    close: bool,
    /// Publish the ranking although it covers fewer agents or tasks than there are
    #[arg(long)]
    publish_partial: bool,
    /// Run only this part of the trials, such as 1/4, and rank no one; 'arena merge' and 'arena rank' follow
    #[arg(long, value_name = "K/N", conflicts_with = "validator_token_file")]
    partition: Option<Partition>,
    /// Run every trial this often and score the mean; 3 is a good start for agents with a model
    /// [default: that of the open round, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_REPEAT)))]
    repeat: Option<u32>,
    /// Run N tasks first, drawn from the commitment, and stop agents that score less than SCORE on them
    #[arg(long, value_name = "N:SCORE", conflicts_with = "partition")]
    screen: Option<ScreenRule>,
    /// Stop agents that cannot reach this rank any more, whatever they score on the trials that are left
    #[arg(long, value_name = "RANK", conflicts_with = "partition", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    #[command(flatten)]
    jobs: JobsArgs,
    /// What gets a container of its own
    #[arg(long, value_name = "UNIT", default_value_t = Isolation::Agent, value_parser = choice(Isolation::ALL))]
    isolation: Isolation,
    #[command(flatten)]
    reward: RewardArgs,
    #[command(flatten)]
    sign_key: SignKeyArgs,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    packages: PackageArgs,
    #[command(flatten)]
    output: FormatArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    nats: NatsRoundArgs,
}

/// What is evaluated.
struct Evaluation<'a> {
    args: &'a EvaluateArgs,
    store: &'a Store,
    round: RoundDefinition,
    agents: Vec<Agent>,
    tasks: Arc<[RoundTask]>,
    /// Problems of the benchmark that cannot be judged
    left_out: Vec<LeftOutProblem>,
    settings: SandboxSettings,
    /// The model that agents may ask
    model: Option<Arc<Gateway>>,
    /// The platform whose agents these are
    platform: Option<PlatformSender>,
    /// The server whose workers run the trials, if they are not run here
    nats: Option<NatsConnection>,
}

/// Judges the open round over the store, or opens one.
pub async fn run(args: EvaluateArgs) -> Result {
    let console = Console::new();
    let sign_key = args.sign_key.read()?;
    let platform = args.remote_platform()?;
    let validator = platform.as_ref().and_then(RemotePlatform::as_validator);
    args.check_close()?;
    if let Some(validator) = &validator {
        validator.check_token().await?;
    }
    let store = args.open_store()?;
    let _lock = store.lock_round()?;
    let previous = match &validator {
        Some(validator) => validator.latest_closed(&store).await?,
        None => None,
    };
    let request = RoundRequest { previous, ..args.request() };
    if args.open {
        return print_opened(
            &open_round(&store, request)?.round,
            args.output.format() == OutputFormat::Json,
        );
    }
    let nats = args.nats.connect(&console).await?;
    let EvaluateArgs { tasks, store: store_args, jobs, .. } = &args;
    let benchmark = args.benchmark.read()?;
    let private = args.private.read(benchmark.as_ref(), args.private_name.as_deref())?;
    let settings = args.sandbox.settings_for(benchmark.as_ref(), args.packages);
    let benchmark = benchmark.map(Arc::new);
    let source = TaskSource { tasks, benchmark, store: store_args, settings: &settings, jobs };
    let LoadedTasks { mut tasks, mut left_out } = source.load(&console).await?;
    if let Some(platform) = &platform {
        tasks = platform.tasks(tasks).await?;
    }
    let mut described = None;
    if let Some(private) = &private {
        let loaded = source.load_private(&private.benchmark, &console).await?;
        described = private.described(loaded.tasks.len());
        tasks.extend(loaded.tasks);
        left_out.extend(loaded.left_out);
    }
    let OpenedRound { mut round, is_new } = open_round(&store, request)?;
    let what = if is_new { "opened" } else { "open" };
    console.print_line(&format!("round {} {what}, commitment {}", round.id, round.commitment()));

    if private.is_none() && args.covers_all() {
        matching(round.private.as_ref(), None).map_err(CommandError::input)?;
    }
    round.private = described;
    let listed_at = Timestamp::now();
    let limit = VersionLimit::of(&round);
    let agents = load_agents(&store, validator.as_ref(), limit, &console).await?;
    let agents = agent::choose(agents, &args.agents)?;
    let tasks = tasks.into_iter().map(|task| RoundTask::new(task, round.seed)).collect();
    let journals = store.model_dir(&round.id);
    let model = args
        .model
        .settings()?
        .map(|settings| Gateway::open(settings, Some(journals)))
        .transpose()?;
    let mut evaluation = Evaluation {
        args: &args,
        store: &store,
        round,
        agents,
        tasks,
        left_out,
        settings,
        model,
        platform: validator.as_ref().map(RemoteValidator::sender),
        nats,
    };
    evaluation.warn_of_size();
    let stop = evaluation.stop_rules()?;
    let proven = evaluation.run(stop.clone(), &console).await?;
    if let Some(partition) = args.partition {
        return report_part(partition, &proven.outcome, &args.output, &console);
    }
    let coverage = evaluation.coverage(&proven);
    let standings = Standings {
        store: &store,
        definition: &evaluation.round,
        agents: &evaluation.agents,
        listed_at,
        tasks: &proven.tasks,
        scores: proven.outcome.scores,
        faults: proven.outcome.faults,
        stop,
        stopped: proven.outcome.stopped,
        coverage,
        publication: args.publication(coverage),
        disclose: args.disclose.disclose,
        sign_key: sign_key.as_ref(),
    };
    let rankings = finish(&standings, &args.reward, &args.output)?;
    // A ranking goes out also if its trials cannot be stored.
    let stored = store_trials(&standings, &rankings);
    if let Some(validator) = &validator {
        publish_remotely(validator, &standings, &rankings).await?;
    }
    stored?;
    check_judged(&rankings)
}

/// Prints what to publish before the round: its id and its commitment.
fn print_opened(round: &RoundDefinition, json: bool) -> Result {
    #[derive(Serialize)]
    struct OpenedDocument<'a> {
        id: &'a str,
        commitment: Sha256,
        opened_at: Timestamp,
        frozen: bool,
    }
    let RoundDefinition { id, opened_at, frozen, .. } = round;
    let commitment = round.commitment();
    if json {
        return print_json(&OpenedDocument {
            id,
            commitment,
            opened_at: *opened_at,
            frozen: *frozen,
        });
    }
    print(&format!("round {id} open, commitment {commitment}\n"))
}

impl EvaluateArgs {
    fn remote_platform(&self) -> Result<Option<RemotePlatform>> {
        let Some(url) = &self.platform else { return Ok(None) };
        let token = self.validator_token_file.as_deref().map(read_token).transpose()?;
        Ok(Some(RemotePlatform::new(url, token)?))
    }

    /// Opens the store. Only results of a remote platform's agents may begin a new one.
    fn open_store(&self) -> Result<Store> {
        if self.platform.is_some() {
            self.store.open_or_create()
        } else {
            self.store.open_existing()
        }
    }

    /// Refuses to close a round with a ranking that may not be published.
    fn check_close(&self) -> Result {
        if self.close && !self.covers_all() && !self.publish_partial {
            return Err(CommandError::Input(
                "--close with --task, --family or --agent publishes a partial ranking as the final one; add --publish-partial if \
                 that is what you want"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether all agents and tasks are chosen.
    fn covers_all(&self) -> bool {
        self.agents.is_empty() && self.tasks.filter().is_all()
    }

    fn request(&self) -> RoundRequest {
        RoundRequest { seed: self.seed.map(Seed), frozen: self.freeze, previous: None }
    }

    /// Published rankings cover all agents and tasks, and rest on verdicts that no agent can forge.
    fn publication(&self, coverage: Coverage) -> Publication {
        let files = [&self.benchmark.file, &self.private.file];
        let advisory = files.into_iter().flatten().any(BenchmarkFile::is_advisory);
        match coverage {
            _ if advisory => Publication::Unofficial,
            Coverage::Partial if !self.publish_partial => Publication::Unofficial,
            _ if self.close => Publication::Final,
            _ => Publication::Standings,
        }
    }
}

impl Evaluation<'_> {
    /// Runs the controls, then the agents on the tasks that the controls prove sound.
    async fn run(&mut self, stop: StopRules, console: &Console) -> Result<ProvenRound> {
        let progress = self.report_progress();
        let Self { args, store, round, agents, tasks, left_out, settings, model, nats, .. } = self;
        let (args, store, model) = (*args, *store, model.as_ref());
        let (connection, settings) = (nats.take(), &*settings);
        let listener = console.round_listener();
        let listener = match &progress {
            Some(progress) => progress.listener(listener),
            None => listener,
        };
        let work = |sandbox: Sandbox| async move {
            round.image = sandbox.image().pinned();
            // No container that held a hidden input ever meets a model.
            let isolation = if model.is_some() { Isolation::Trial } else { args.isolation };
            round.isolation = isolation.to_string();
            round.repeat = args.repeat.unwrap_or(round.repeat);
            round.model = model.map(|gateway| gateway.settings().pinned());
            // A run over some of the agents does not change the store's round.
            if args.agents.is_empty() {
                round.tasks = tasks.iter().map(|task| task.id().clone()).collect();
                store.put_open_round(round)?;
            }
            let plan = RoundPlan {
                agents: agents.clone(),
                tasks: Arc::clone(tasks),
                repeat: round.repeat,
                stop,
                results: Some(Results::of(store)),
                jobs: args.jobs.count(),
                jobs_per_agent: 1,
                isolation,
                model: model.cloned(),
                partition: args.partition,
                shrinking: match args.disclose.disclose {
                    Disclose::None => Duration::ZERO,
                    Disclose::Public | Disclose::All => shrink::QUICK,
                },
            };
            let Some(connection) = connection else {
                return Ok(run_proven(&sandbox, plan, listener).await?);
            };
            let judged = NatsRound {
                store,
                round: &*round,
                settings,
                benchmark: args.benchmark.file.as_ref(),
                private: args.private.file.as_ref(),
                reward: args.reward.policy(),
                image: sandbox.image().key(),
            };
            // The round is the workers'; the containers of this machine only prove its tasks and settle disputes.
            let elsewhere = async |plan, on_event| {
                let coordinator = args.nats.coordinator(connection, &judged, &plan)?;
                Ok(coordinator.run(&sandbox, plan, on_event).await?)
            };
            run_proven_by(&sandbox, plan, listener, elsewhere).await
        };
        let ended = with_sandbox(settings, console, work).await;
        if let Some(progress) = progress {
            let done = ended.is_ok();
            progress.end(if done { ProgressState::Finished } else { ProgressState::Stopped }).await;
        }
        let mut proven = ended?;
        if let Some(gateway) = model {
            console.print_line(&model_usage(gateway));
        }
        let outcome = &mut proven.outcome;
        outcome.faults.extend(left_out.iter().map(not_judged));
        // The console has shown them in full.
        outcome.faults = outcome.faults.drain(..).map(FaultRecord::published).collect();
        Ok(proven)
    }

    /// Starts to show how far the round has come, unless nothing will be published of it.
    fn report_progress(&self) -> Option<ProgressReporter> {
        let Self { args, store, round, agents, platform, .. } = self;
        (args.covers_all() || args.publish_partial).then(|| {
            ProgressReporter::start(ProgressDestination {
                store: (*store).clone(),
                platform: platform.clone(),
                round: round.id.clone(),
                agents: agents.len(),
            })
        })
    }

    /// Says before the round if its ranking may be larger than the platform accepts.
    fn warn_of_size(&self) {
        let Self { args, round, agents, tasks, model, platform, .. } = self;
        let ids: Vec<_> = tasks.iter().map(|task| task.id().clone()).collect();
        let shape = RankingShape {
            agents: agents.len(),
            tasks: &ids,
            repeat: args.repeat.unwrap_or(round.repeat),
            has_model: model.is_some(),
        };
        let likely = shape.likely_bytes();
        if platform.is_some() && likely > USUAL_MAX_DOCUMENT_BYTES {
            print_line(&format!(
                "warning: the ranking of {} agents on {} tasks may take {} MiB, and a platform accepts {} MiB unless its \
                 operator sets --max-document-size; if it is refused, the ranking is kept in the store",
                agents.len(),
                ids.len(),
                likely >> 20,
                USUAL_MAX_DOCUMENT_BYTES >> 20
            ));
        }
    }

    /// When agents are stopped. The holder of the first place is not, because it defends the place.
    fn stop_rules(&self) -> Result<StopRules> {
        let Self { args, store, round, agents, tasks, .. } = self;
        let screening = args.screen.map(|ScreenRule(screening)| DrawnScreening {
            screening,
            commitment: round.commitment(),
        });
        let records = RecordsOfRound { agents, tasks, round };
        let history = gate_history(store, records, args.reward.payout)?;
        Ok(StopRules { screening, top: args.top, incumbent: history.incumbent })
    }

    /// Whether the ranking has all agents and all tasks. A benchmark has its own tasks.
    fn coverage(&self, proven: &ProvenRound) -> Coverage {
        let unsound = proven.tasks.len() < self.tasks.len() || !self.left_out.is_empty();
        if self.args.covers_all() && !unsound { Coverage::Whole } else { Coverage::Partial }
    }
}

/// A problem that is left out, as a fault of the round: no agent is judged by it.
fn not_judged(problem: &LeftOutProblem) -> FaultRecord {
    let miner_id = ORACLE.parse().expect("the control's name is a miner id");
    FaultRecord {
        miner_id,
        task: problem.id.clone(),
        repetition: first_repetition(),
        fault: problem.to_string(),
    }
}

/// Reports a part of a split round: its results are kept, and no one is ranked.
fn report_part(
    partition: Partition,
    outcome: &RoundOutcome,
    output: &FormatArgs,
    console: &Console,
) -> Result {
    #[derive(Serialize)]
    struct PartDocument<'a> {
        part: String,
        trials: usize,
        cached: u64,
        faults: &'a [FaultRecord],
    }
    let trials = outcome.scores.values().map(TrialScores::count).sum();
    let RoundOutcome { cached, faults, .. } = outcome;
    if output.format() == OutputFormat::Json {
        print_json(&PartDocument { part: partition.to_string(), trials, cached: *cached, faults })?;
    }
    console.print_line(&format!(
        "part {partition}: {trials} trials have a result, {cached} of them from before; 'arena merge' brings \
         the parts together, and 'arena rank' ranks"
    ));
    if faults.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
