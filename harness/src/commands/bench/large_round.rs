//! A large round, most of which is known already; and whether memory grows with the number of agents.

use std::path::Path;

use ::tasks::{Seed, Sha256};
use harness::round::controls::controls;
use harness::round::run::Source;
use harness::trial::instance::Prepared;
use platform::store::Store;
use tokio::process::Command;

use super::whole::{self, Took};
use super::{Better, Report, Row, myself, number, peer};
use crate::commands::Failure;

/// Tasks of the round.
const TASKS: usize = 10;
/// The small round whose memory the large one is held against.
const FEW_AGENTS: u32 = 20;

/// Measures a round of many agents, and then rounds in which one of them changed.
pub async fn rows(
    agents: u32,
    jobs: usize,
    runs: u32,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|cause| peer("a large round", cause))?;
    let few = Round::new(folder.path().join("few"), FEW_AGENTS, jobs)?;
    let many = Round::new(folder.path().join("many"), agents, jobs)?;
    report.say(&format!("{FEW_AGENTS} agents x {TASKS} tasks, for its memory"));
    let small = few.evaluate().await?;
    report.say(&format!("{agents} agents x {TASKS} tasks, in full"));
    let full = many.evaluate().await?;
    let mut changed = Vec::new();
    for run in 1..=runs {
        report.say(&format!("{agents} agents of which one changed: run {run} of {runs}"));
        many.change(run)?;
        changed.push(many.evaluate().await?);
    }
    let seconds: Vec<f64> = changed.iter().map(|took| took.seconds).collect();
    let memory = |took: &Took| number(took.peak_bytes >> 10) / 1024.0;
    report.add(Row::new(
        format!("a round of {agents} agents x {TASKS} tasks of which one agent changed"),
        "the full round, once".to_owned(),
        "s",
        (seconds.clone(), vec![full.seconds]),
        (Better::Lower, "0.01 or less", 0.01),
    ))?;
    let reach = (Better::Lower, "2 s or less", 2.0);
    report.add(Row::alone("the same".to_owned(), "s", seconds, reach))?;
    report.add(Row::new(
        format!("memory of the harness with {agents} agents"),
        format!("with {FEW_AGENTS} agents"),
        "MiB",
        (vec![memory(&full)], vec![memory(&small)]),
        (Better::Lower, "flat: 1.25 or less", 1.25),
    ))?;
    let reach = (Better::Lower, "150 MiB or less", 150.0);
    report.add(Row::alone("the same".to_owned(), "MiB", vec![memory(&full)], reach))
}

struct Round {
    store: Store,
    tasks: Vec<String>,
    source: String,
    agents: u32,
    jobs: usize,
}

impl Round {
    /// A store with agents that print the right answers, each a little different.
    fn new(folder: impl AsRef<Path>, agents: u32, jobs: usize) -> Result<Self, Failure> {
        let store = Store::open(folder.as_ref())?;
        let tasks: Vec<_> = ::tasks::all().into_iter().take(TASKS).collect();
        let prepared: Vec<_> =
            tasks.iter().map(|task| Prepared::new(task.clone(), Seed(1))).collect();
        let [oracle, _] = controls(&prepared);
        let Source::Text(source) = oracle.source else { unreachable!("controls are text") };
        let tasks = tasks.iter().map(|task| task.id.to_string()).collect();
        let round = Self { store, tasks, source, agents, jobs };
        for number in 0..agents {
            round.put(number, "first", None)?;
        }
        Ok(round)
    }

    fn put(&self, number: u32, version: &str, token: Option<&str>) -> Result<(), Failure> {
        let source = format!("{}# {number} {version}\n", self.source);
        let id = format!("agent-{number}").parse().expect("it is a miner id");
        let put = self.store.put_agent(&id, source.as_bytes(), token)?;
        if number + 1 == self.agents
            && let Some(token) = put.token
        {
            let path = self.store.root().join("token-of-the-last");
            std::fs::write(path, token).map_err(|cause| peer("a large round", cause))?;
        }
        Ok(())
    }

    /// Another version of the last agent.
    fn change(&self, run: u32) -> Result<(), Failure> {
        let path = self.store.root().join("token-of-the-last");
        let token = std::fs::read_to_string(path).map_err(|cause| peer("a large round", cause))?;
        let version = Sha256::of(run.to_string().as_bytes());
        self.put(self.agents - 1, version.short(), Some(&token))
    }

    async fn evaluate(&self) -> Result<Took, Failure> {
        let mut command = Command::new(myself()?);
        command.args(["evaluate", "--seed", "1", "--disclose", "none", "--jobs"]);
        command.arg(self.jobs.to_string()).arg("--store").arg(self.store.root());
        for task in &self.tasks {
            command.args(["--task", task]);
        }
        whole::run(command, "a large round").await
    }
}
