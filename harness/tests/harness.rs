//! `cargo test --test harness`: the controls and every stored agent on every task, each a test
//! `agent::task`.
//!
//! A trial below 100 is a failed test, except that the control `nop` must score 0. Trial records go through
//! the store's files, so this works where every test is a process of its own (cargo-nextest), and a test
//! that ran before is a look-up.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};

use harness::round::agent::{Agent, VersionLimit, stored_agents};
use harness::round::controls::{NOP, ORACLE, controls};
use harness::round::lease::ContainerLease;
use harness::round::results::{Lookup, Results};
use harness::round::runner::{AgentTrial, TrialRunner};
use harness::round::seed::{RoundRequest, open_round};
use harness::sandbox::{self, SandboxSettings};
use harness::trial::instance::RoundTask;
use harness::trial::record::{Disclose, TrialRecord};
use harness::trial::shrink;
use libtest_mimic::{Arguments, Failed, Trial};
use platform::api::MinerId;
use platform::store::Store;
use tasks::{Seed, TaskId};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match Validator::new() {
        Ok(validator) => {
            let validator = Arc::new(validator);
            let trials = Validator::trials(&validator);
            let conclusion = libtest_mimic::run(&arguments, trials);
            if let Err(fault) = validator.cleanup() {
                eprintln!("harness: {fault}");
                return ExitCode::FAILURE;
            }
            conclusion.exit_code()
        }
        Err(sentence) => {
            eprintln!("harness: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// What all tests share. Listing must be cheap, so the sandbox is opened by the first test that needs it.
struct Validator {
    store: Store,
    seed: Seed,
    agents: Vec<Agent>,
    runtime: Runtime,
    runner: OnceLock<Result<TrialRunner, String>>,
    /// For each agent the containers that are fit for its next trial.
    leases: Mutex<HashMap<MinerId, Vec<ContainerLease>>>,
}

impl Validator {
    fn new() -> Result<Self, String> {
        let store = Store::open(store_directory()).map_err(|error| error.to_string())?;
        let opened = open_round(&store, RoundRequest::default());
        let round = opened.map_err(|error| error.to_string())?.round;
        let seed = round.seed;
        let stored = stored_agents(&store, VersionLimit::of(&round));
        let stored = stored.map_err(|error| error.to_string())?;
        for damaged in &stored.damaged {
            eprintln!("warning: {damaged}");
        }
        let agents = stored.agents;
        let runtime = Runtime::new().map_err(|error| format!("cannot start a runtime: {error}"))?;
        let (runner, leases) = (OnceLock::new(), Mutex::default());
        Ok(Self { store, seed, agents, runtime, runner, leases })
    }

    /// One test for each agent and task, the controls first.
    fn trials(this: &Arc<Self>) -> Vec<Trial> {
        // A miner may have the name of a control; test names must be unique.
        let stored = this.agents.iter().map(|agent| match agent.miner_id.as_str() {
            name @ (ORACLE | NOP) => format!("store/{name}"),
            name => name.to_owned(),
        });
        let names = [ORACLE, NOP].map(str::to_owned).into_iter().chain(stored).enumerate();
        let ids: Vec<TaskId> = tasks::all().into_iter().map(|task| task.id).collect();
        let test = |(agent, name): (usize, String), id: &TaskId| {
            let (this, id) = (Arc::clone(this), id.clone());
            Trial::test(format!("{name}::{id}"), move || this.test(agent, &id))
        };
        names.flat_map(|agent| ids.iter().map(move |id| test(agent.clone(), id))).collect()
    }

    fn test(&self, agent: usize, task: &TaskId) -> Result<(), Failed> {
        let task = tasks::find(task.as_str()).ok_or("no such task")?;
        let round_task = [RoundTask::new(task, self.seed)];
        let [oracle, nop] = controls(&round_task);
        let (agent, expected) = match agent {
            0 => (&oracle, 100.0),
            1 => (&nop, 0.0),
            stored => (&self.agents[stored - 2], 100.0),
        };
        let record = self.record(agent, &round_task[0])?;
        #[allow(clippy::float_cmp, reason = "0 and 100 are exact")]
        if record.score == expected {
            return Ok(());
        }
        Err(record.disclosed(Disclose::Public).failure().into())
    }

    fn record(&self, agent: &Agent, task: &RoundTask) -> Result<TrialRecord, Failed> {
        let runner = self.runner()?;
        let key = runner.key(agent, task, 1);
        match runner.look_up(&key).map_err(|fault| fault.to_string())? {
            Lookup::Hit(record) => return Ok(*record),
            Lookup::Corrupt(moved) => {
                eprintln!("warning: a corrupt trial record was moved to {}", moved.display());
            }
            Lookup::Miss => {}
        }
        let source = self.runtime.block_on(agent.read()).map_err(|fault| fault.to_string())?;
        let leases = || self.leases.lock().expect("no test panics while it holds the lock");
        let lease = leases().get_mut(&agent.miner_id).and_then(Vec::pop);
        let mut lease = lease.unwrap_or_else(|| ContainerLease::new(runner.sandbox()));
        let on_retry = |fault: &harness::Fault| eprintln!("trying again: {fault}");
        let trial = AgentTrial { agent, source: &source, task, repetition: 1 };
        let record = self.runtime.block_on(runner.run(trial, &mut lease, &on_retry));
        leases().entry(agent.miner_id.clone()).or_default().push(lease);
        record.map_err(|fault| format!("a fault of the arena, not of the agent: {fault}").into())
    }

    fn runner(&self) -> Result<&TrialRunner, String> {
        let open = || {
            let settings = SandboxSettings {
                image: std::env::var("ARENA_IMAGE").ok(),
                ..SandboxSettings::default()
            };
            let sandbox = self.runtime.block_on(sandbox::open(&settings, &|_| ()));
            let sandbox = sandbox.map_err(|fault| fault.to_string())?;
            Ok(TrialRunner::new(sandbox, Some(Results::of(&self.store)), shrink::THOROUGH))
        };
        self.runner.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    fn cleanup(&self) -> Result<(), harness::Fault> {
        let Some(Ok(runner)) = self.runner.get() else { return Ok(()) };
        self.leases.lock().expect("all tests are over").clear();
        self.runtime.block_on(runner.sandbox().cleanup())
    }
}

/// `ARENA_STORE`, or the directory `store` at the root of the workspace, wherever cargo runs this from.
fn store_directory() -> PathBuf {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    let chosen = std::env::var_os("ARENA_STORE").filter(|path| !path.is_empty());
    chosen.map_or_else(|| root.join("store"), |path| root.join(path))
}
