//! The built-in agents that prove a harness sound: one that must pass everything, one that must pass
//! nothing. They are ordinary agents and run as all others do.

use std::sync::Arc;

use platform::api::FaultRecord;

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::book::RoundOutcome;
use crate::round::events::{RoundEvent, RoundListener};
use crate::round::plan::{Isolation, RoundPlan};
use crate::round::run::run;
use crate::round::stopping::StopRules;
use crate::sandbox::Sandbox;
use crate::trial::instance::RoundTask;
use crate::trial::place::TrialPlace;

/// The agent that prints the reference solution of every task. It must score 100.
pub const ORACLE: &str = "oracle";
/// The agent that prints nothing. It must score 0.
pub const NOP: &str = "nop";

/// The controls of a round with these tasks: [`ORACLE`] and [`NOP`].
pub fn controls(tasks: &[RoundTask]) -> [Agent; 2] {
    [Agent::local(ORACLE, oracle(tasks)), Agent::local(NOP, "# Prints nothing.\n".to_owned())]
}

/// A round whose tasks were proven by the controls.
pub struct ProvenRound {
    /// The tasks that are sound
    pub tasks: Arc<[RoundTask]>,
    /// The outcome of the agents on these tasks, with a fault for each of the other tasks
    pub outcome: RoundOutcome,
}

/// Runs the controls on all tasks, and then the agents on the tasks that are sound. A part of a round proves
/// all of its tasks itself.
pub async fn run_proven(
    sandbox: &Sandbox,
    plan: RoundPlan,
    on_event: RoundListener,
) -> Result<ProvenRound, Fault> {
    let here = async |plan, on_event| run(sandbox, plan, on_event).await;
    run_proven_by(sandbox, plan, on_event, here).await
}

/// The same, for a round that runs elsewhere: `run` is called with the tasks that the controls prove here.
pub async fn run_proven_by<E: From<Fault>>(
    sandbox: &Sandbox,
    plan: RoundPlan,
    on_event: RoundListener,
    run: impl AsyncFnOnce(RoundPlan, RoundListener) -> Result<RoundOutcome, E>,
) -> Result<ProvenRound, E> {
    let (tasks, unsound) = prove(sandbox, &plan, &on_event).await?;
    let plan = RoundPlan { tasks: Arc::clone(&tasks), ..plan };
    let mut outcome = run(plan, on_event).await?;
    outcome.faults.extend(unsound);
    Ok(ProvenRound { tasks, outcome })
}

/// Runs the controls on all tasks of a plan. Returns the tasks that are sound, and a fault for each of the others.
pub async fn prove(
    sandbox: &Sandbox,
    plan: &RoundPlan,
    on_event: &RoundListener,
) -> Result<(Arc<[RoundTask]>, Vec<FaultRecord>), Fault> {
    let agents = controls(&plan.tasks).to_vec();
    let isolation = Isolation::Agent;
    let proof = RoundPlan {
        agents,
        repeat: 1,
        stop: StopRules::default(),
        partition: None,
        model: None,
        isolation,
        ..plan.clone()
    };
    let proof = run(sandbox, proof, Arc::clone(on_event)).await?;
    let (tasks, unsound) = sound_tasks(&plan.tasks, &proof);
    for FaultRecord { task, fault, .. } in &unsound {
        let (task, reason) = (task.clone(), fault.clone());
        on_event(RoundEvent::UnsoundTask { task, reason });
    }
    on_event(RoundEvent::Proven);
    Ok((tasks, unsound))
}

/// Returns the tasks on which the reference passes everything and an agent that prints nothing passes nothing, and a
/// fault for each of the others. A task that cannot be passed, or that accepts everything, must not judge agents.
fn sound_tasks(tasks: &[RoundTask], proof: &RoundOutcome) -> (Arc<[RoundTask]>, Vec<FaultRecord>) {
    let passed = |control: usize, task: usize| {
        let score = proof.scores.get(&control)?.get(TrialPlace { task, repetition: 1 })?;
        Some((score.passed, score.total))
    };
    let (mut sound, mut faults) = (Vec::new(), Vec::new());
    for (place, task) in tasks.iter().enumerate() {
        let fault = match (passed(0, place), passed(1, place)) {
            (Some((all, total)), Some((0, _))) if all == total => {
                sound.push(task.clone());
                continue;
            }
            (Some((passed, total)), Some((0, _))) => {
                format!("its reference passes {passed} of {total} cases")
            }
            (Some(_), Some((passed, _))) => {
                format!("an agent that prints nothing passes {passed} cases")
            }
            _ => "its controls could not be run".to_owned(),
        };
        let miner_id = ORACLE.parse().expect("the control's name is a miner id");
        let task = task.id().clone();
        faults.push(FaultRecord { miner_id, task, repetition: 1, fault });
    }
    (sound.into(), faults)
}

fn oracle(tasks: &[RoundTask]) -> String {
    let answers: Vec<(&str, String)> =
        tasks.iter().map(|task| (task.prompt.as_str(), task.task.reference(task.seed))).collect();
    let answers = serde_json::to_string(&answers).expect("text is plain data");
    // A JSON string of ASCII is a Python literal as well.
    let literal = serde_json::to_string(&ascii(&answers)).expect("text is plain data");
    format!(
        "import json\nimport sys\n\nANSWERS = dict(json.loads({literal}))\n\
         print(ANSWERS[sys.argv[sys.argv.index(\"--task\") + 1]], end=\"\")\n"
    )
}

/// Escapes every character of a JSON document beyond ASCII.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}
