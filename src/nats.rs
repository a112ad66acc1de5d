//! Arguments and connections of the commands that speak to a NATS server.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use cluster::connection::{NatsConnection, NatsSettings};
use cluster::coordinator::audit::{AuditPlan, PaidByScores};
use cluster::coordinator::run::Coordinator;
use cluster::streams::{Capacity, Timing};
use cluster::wire::{RoundSpec, SpecFile, SpecTask, WIRE_VERSION};
use harness::benchmark::file::BenchmarkFile;
use harness::round::agent::Agent;
use harness::round::plan::RoundPlan;
use harness::round::standings::{RecordsOfRound, gate_history};
use harness::sandbox::{PROTOCOL_VERSION, SandboxSettings, SitePackages};
use harness::scoring::rank::{Contender, RankRules, ScoredTask, rank};
use harness::scoring::reward::RewardPolicy;
use harness::trial::instance::RoundTask;
use platform::store::{RoundDefinition, Store};
use tasks::benchmark::Format;

use crate::console::Console;
use crate::exit::{CommandError, Result};

/// Which server.
#[derive(Args, Clone)]
pub struct NatsArgs {
    /// Address of the NATS server, with the scheme 'nats' or 'tls'; several with commas
    #[arg(id = "nats", long = "nats", env = "ARENA_NATS", value_name = "URL")]
    pub url: String,
    #[command(flatten)]
    pub key: NatsKeyArgs,
}

/// The key for the server.
#[derive(Args, Clone)]
pub struct NatsKeyArgs {
    /// File of this machine's key, which 'arena nats init' wrote; the certificate ca.pem next to it is used
    #[arg(long = "nats-creds", env = "ARENA_NATS_CREDS", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

impl NatsArgs {
    /// Connects.
    pub async fn connect(&self, console: &Console) -> Result<NatsConnection> {
        connect(&self.url, &self.key, console).await
    }
}

/// A round whose trials run on workers.
#[derive(Args)]
pub struct NatsRoundArgs {
    /// Run the trials on the workers ('arena work') of this NATS server; several addresses with commas
    #[arg(id = "nats", long = "nats", env = "ARENA_NATS", value_name = "URL", conflicts_with_all = ["partition", "model", "screen", "top"])]
    pub url: Option<String>,
    #[command(flatten)]
    key: NatsKeyArgs,
    /// Run this share of the trials again on another worker, between 0 and 1, and always those that decide a place
    /// with money. A worker that lied is named, and its records are void
    #[arg(long, requires = "nats", value_name = "SHARE", value_parser = share)]
    audit: Option<f64>,
    /// Servers that keep a copy of each message: 3 in a cluster of three
    #[arg(long, env = "ARENA_NATS_REPLICAS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    nats_replicas: u8,
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("'{text}' is not a share; expected a number between 0 and 1"))
}

/// A round that is judged over a server.
pub struct NatsRound<'a> {
    /// Its store
    pub store: &'a Store,
    /// What decides its trials
    pub round: &'a RoundDefinition,
    /// What containers are started with
    pub settings: &'a SandboxSettings,
    /// The files of its benchmark and of its private tasks
    pub benchmark: Option<&'a BenchmarkFile>,
    /// The file of its private tasks
    pub private: Option<&'a BenchmarkFile>,
    /// How rewards are paid
    pub reward: RewardPolicy,
    /// The key of the image
    pub image: String,
}

impl NatsRoundArgs {
    /// Connects, if a server is named.
    pub async fn connect(&self, console: &Console) -> Result<Option<NatsConnection>> {
        let Some(url) = self.url.as_deref().filter(|url| !url.is_empty()) else { return Ok(None) };
        Ok(Some(connect(url, &self.key, console).await?))
    }

    /// The coordinator of a round whose plan has the proven tasks.
    pub fn coordinator(
        &self,
        connection: NatsConnection,
        judged: &NatsRound<'_>,
        plan: &RoundPlan,
    ) -> Result<Coordinator> {
        let NatsRound { store, round, settings, benchmark, private, reward, image } = judged;
        let mut files = Vec::new();
        let [benchmark, private] = [*benchmark, *private].map(|file| -> Result<_> {
            let Some(file) = file else { return Ok(None) };
            let bytes = std::fs::read(&file.path).map_err(|error| {
                CommandError::Input(format!("cannot read {}: {error}", file.path.display()))
            })?;
            let sha256 = ::tasks::Sha256::of(&bytes);
            files.push(bytes);
            Ok(Some(SpecFile { format: format_name(file.format).to_owned(), sha256 }))
        });
        let task =
            |task: &RoundTask| SpecTask { id: task.id().clone(), digest: task.digest.clone() };
        let spec = RoundSpec {
            wire: WIRE_VERSION,
            protocol: PROTOCOL_VERSION,
            round: round.id.clone(),
            image: image.clone(),
            site_packages: settings.packages == SitePackages::Visible,
            seed: round.seed,
            tasks: plan.tasks.iter().map(task).collect(),
            benchmark: benchmark?,
            private: private?,
            memory_bytes: settings.memory_bytes,
            shrinking_ms: u64::try_from(plan.shrinking.as_millis()).unwrap_or(u64::MAX),
        };
        let replicas = usize::from(self.nats_replicas);
        let audit = match self.audit {
            None => None,
            Some(share) => {
                Some(AuditPlan { share, paid: paid_agents(store, round, plan, *reward)? })
            }
        };
        Ok(Coordinator {
            connection,
            timing: Timing::default(),
            capacity: Capacity { replicas, ..Capacity::default() },
            host: host(),
            store: (*store).clone(),
            spec,
            files,
            audit,
        })
    }
}

/// Returns which agents get a reward, from the scores of a round's trials.
fn paid_agents(
    store: &Store,
    round: &RoundDefinition,
    plan: &RoundPlan,
    reward: RewardPolicy,
) -> Result<PaidByScores> {
    let records = RecordsOfRound { agents: &plan.agents, tasks: &plan.tasks, round };
    let history = gate_history(store, records, reward.payout)?;
    let tasks: Vec<_> = plan.tasks.iter().map(|task| ScoredTask::from(&task.task)).collect();
    let (agents, repeat): (Vec<Agent>, _) = (plan.agents.clone(), plan.repeat);
    let commitment = round.commitment();
    Ok(Arc::new(move |scores| {
        let judged = scores
            .iter()
            .map(|(index, trials)| (*index, trials.by_task(tasks.iter().map(|task| &task.id))));
        let judged = judged.filter(|(_, scores)| scores.len() == tasks.len());
        let contenders =
            judged.map(|(index, scores)| Contender::new(&agents[index], scores)).collect();
        let rules =
            RankRules { tasks: &tasks, repeat, commitment: &commitment, reward, history: &history };
        let rankings = rank(contenders, &rules).rankings;
        let paid: std::collections::BTreeSet<_> = rankings
            .iter()
            .filter(|ranking| ranking.reward_rao > 0)
            .map(|ranking| &ranking.miner_id)
            .collect();
        let places = agents.iter().enumerate();
        places.filter(|(_, agent)| paid.contains(&agent.miner_id)).map(|(place, _)| place).collect()
    }))
}

/// A format as `--benchmark` names it.
const fn format_name(format: Format) -> &'static str {
    match format {
        Format::EvalPlus => "evalplus",
        Format::HumanEval => "humaneval",
        Format::Mbpp => "mbpp",
    }
}

/// Connects, and prints what happens to the connection later.
pub async fn connect(url: &str, key: &NatsKeyArgs, console: &Console) -> Result<NatsConnection> {
    let key_file = key.file.clone().filter(|file| !file.as_os_str().is_empty());
    let settings = NatsSettings { url: url.to_owned(), key_file };
    let console = console.clone();
    let on_event = Arc::new(move |text: String| console.print_line(&text));
    Ok(NatsConnection::open(&settings, on_event).await?)
}

/// This machine's name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
