//! `cargo test --test harness`: the controls and every stored agent on every task, each a test
//! `agent::task`.
//!
//! A trial below 100 is a failed test, except that the control `nop` must get nothing. Results go through
//! the store's files, so this works where every test is a process of its own (cargo-nextest), and a test
//! that ran before is a look-up.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};

use harness::round::controls::{NOP, ORACLE, controls};
use harness::round::results::{Found, Results};
use harness::round::run::{Agent, seed_of_store};
use harness::round::runner::{Runner, Slot};
use harness::sandbox::{self, SandboxSettings};
use harness::trial::instance::Prepared;
use harness::trial::record::Disclose;
use harness::trial::shrink;
use libtest_mimic::{Arguments, Failed, Trial};
use platform::MinerId;
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

/// What all tests share. Whatever costs something is made when the first test asks for it, because
/// listing must be cheap.
struct Validator {
    store: Store,
    seed: Seed,
    agents: Vec<Agent>,
    runtime: Runtime,
    runner: OnceLock<Result<Runner, String>>,
    /// For each agent the containers that are fit for its next trial.
    slots: Mutex<HashMap<MinerId, Vec<Slot>>>,
}

impl Validator {
    fn new() -> Result<Self, String> {
        let store = Store::open(store_folder()).map_err(|error| error.to_string())?;
        let seed = seed_of_store(&store).map_err(|fault| fault.to_string())?;
        let listing = store.agents().map_err(|error| error.to_string())?;
        for damaged in &listing.damaged {
            eprintln!("warning: {damaged}");
        }
        let agents = listing.agents.into_iter().map(|meta| Agent::stored(&store, meta)).collect();
        let runtime =
            Runtime::new().map_err(|error| format!("no runtime could be started: {error}"))?;
        let (runner, slots) = (OnceLock::new(), Mutex::default());
        Ok(Self { store, seed, agents, runtime, runner, slots })
    }

    /// One test for each agent and task, the controls first.
    fn trials(this: &Arc<Self>) -> Vec<Trial> {
        // A miner may be called like a control; two tests may not.
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
        let prepared = [Prepared::new(task, self.seed)];
        let [oracle, nop] = controls(&prepared);
        let (agent, wanted) = match agent {
            0 => (&oracle, 100.0),
            1 => (&nop, 0.0),
            stored => (&self.agents[stored - 2], 100.0),
        };
        let result = self.result(agent, &prepared[0])?;
        #[allow(clippy::float_cmp, reason = "0 and 100 are exact")]
        if result.score == wanted {
            return Ok(());
        }
        Err(result.disclosed(Disclose::Public).failure().into())
    }

    fn result(
        &self,
        agent: &Agent,
        prepared: &Prepared,
    ) -> Result<harness::trial::record::TrialResult, Failed> {
        let runner = self.runner()?;
        match runner.look_up(agent, prepared).map_err(|fault| fault.to_string())? {
            Found::Result(result) => return Ok(*result),
            Found::Corrupt(aside) => {
                eprintln!("warning: a corrupt result is now {}", aside.display())
            }
            Found::Nothing => {}
        }
        let source = self.runtime.block_on(agent.read()).map_err(|fault| fault.to_string())?;
        let lock = || self.slots.lock().expect("no test panics while it holds the lock");
        let mut slot = lock().get_mut(&agent.miner_id).and_then(Vec::pop).unwrap_or_default();
        let on_retry = |fault: &harness::Fault| eprintln!("trying again: {fault}");
        let result =
            self.runtime.block_on(runner.run((agent, &source, prepared), &mut slot, &on_retry));
        lock().entry(agent.miner_id.clone()).or_default().push(slot);
        result.map_err(|fault| format!("a fault of the arena, not the agent's: {fault}").into())
    }

    fn runner(&self) -> Result<&Runner, String> {
        let open = || {
            let options =
                SandboxSettings { image: std::env::var("ARENA_IMAGE").ok(), runtime: None };
            let sandbox = self.runtime.block_on(sandbox::open(&options, &|_| ()));
            let sandbox = sandbox.map_err(|fault| fault.to_string())?;
            Ok(Runner::new(sandbox, Some(Results::of(&self.store)), shrink::THOROUGH))
        };
        self.runner.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    fn cleanup(&self) -> Result<(), harness::Fault> {
        let Some(Ok(runner)) = self.runner.get() else { return Ok(()) };
        self.slots.lock().expect("all tests are over").clear();
        self.runtime.block_on(runner.sandbox().cleanup())
    }
}

/// `BITSEC_STORE`, or the folder `store` at the root of the workspace, wherever cargo runs this from.
fn store_folder() -> PathBuf {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    let asked = std::env::var_os("BITSEC_STORE").filter(|folder| !folder.is_empty());
    asked.map_or_else(|| root.join("store"), |folder| root.join(folder))
}
