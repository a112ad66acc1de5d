//! The gate: what a task must prove before anybody is judged by it.
//!
//! Its reference passes every case with three times its limits to spare, and again and again; an agent
//! that prints nothing passes none; every wrong variant of the reference is found out under every seed.

use std::sync::Arc;

use tasks::{Kind, Limits, Seed, Task, TaskId};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::Fault;
use crate::sandbox::{Container, Sandbox};
use crate::trial::instance::Prepared;
use crate::trial::judge::Until;
use crate::trial::record::CaseResult;
use crate::trial::run::judge_answer;

/// How many wrong variants a task must keep beside its reference.
const MUTANTS: usize = 3;
/// How often the reference is judged under one seed.
const REPEATS: usize = 5;
/// How many cases of a wrong variant are judged at a time.
const FEW: usize = 6;
/// By how much the reference must stay below each limit of time.
const SPARE: u64 = 3;

/// What the gate found of one task.
#[derive(Debug)]
pub struct Proof {
    /// The task
    pub task: TaskId,
    /// How often an answer was judged, by all cases or by a few
    pub judged: usize,
    /// What is wrong with the task; nothing if it may enter a round
    pub failures: Vec<String>,
}

/// Puts tasks through the gate, each under the seeds 1 to `seeds`. `on_proof` hears of each when it is
/// done; what comes back is in the order of the tasks.
pub async fn gate(
    sandbox: &Sandbox,
    tasks: Vec<Task>,
    seeds: u16,
    jobs: usize,
    on_proof: Arc<dyn Fn(&Proof) + Send + Sync>,
) -> Result<Vec<Proof>, Fault> {
    let order: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
    let queue = Arc::new(Mutex::new(std::collections::VecDeque::from(tasks)));
    let mut workers = JoinSet::new();
    for _ in 0..jobs.max(1) {
        let (sandbox, queue, on_proof) =
            (sandbox.clone(), Arc::clone(&queue), Arc::clone(&on_proof));
        workers.spawn(async move {
            let mut judge = Judge { sandbox, container: None };
            let mut proofs = Vec::new();
            loop {
                let next = queue.lock().await.pop_front();
                let Some(task) = next else { break };
                let proof = judge.prove(&task, seeds).await?;
                on_proof(&proof);
                proofs.push(proof);
            }
            judge.throw_away().await;
            Ok::<_, Fault>(proofs)
        });
    }
    let mut proofs = Vec::new();
    while let Some(worker) = workers.join_next().await {
        proofs.extend(worker.expect("a worker does not panic")?);
    }
    proofs.sort_by_key(|proof| order.iter().position(|id| *id == proof.task));
    Ok(proofs)
}

/// Judges answers that are the project's own, so one container serves for all of them while all goes well.
struct Judge {
    sandbox: Sandbox,
    container: Option<Container>,
}

impl Judge {
    async fn prove(&mut self, task: &Task, seeds: u16) -> Result<Proof, Fault> {
        let mut proof = Proof { task: task.id.clone(), judged: 0, failures: Vec::new() };
        let tight = Limits {
            call_cpu_ms: task.limits.call_cpu_ms / SPARE,
            calls_wall_ms: task.limits.calls_wall_ms / SPARE,
            ..task.limits
        };
        for seed in 1..=u64::from(seeds) {
            let prepared = Prepared::new(task.clone(), Seed(seed));
            let repeats = if seed == 1 { REPEATS } else { 1 };
            let reference = task.reference(Seed(seed));
            for _ in 0..repeats {
                let cases = self.judge(&prepared, &reference, &tight, &mut proof).await?;
                if let Some(case) = cases.iter().find(|case| case.verdict.is_wrong()) {
                    proof.failures.push(format!(
                        "its reference gets {} in case {} of seed {seed}, within a third of its limits: {}",
                        case.verdict, case.name, told(case)
                    ));
                }
            }
            let mutants = task.mutants(Seed(seed));
            if mutants.len() < MUTANTS {
                proof
                    .failures
                    .push(format!("it has {} wrong variants, {MUTANTS} are wanted", mutants.len()));
            }
            for mutant in mutants {
                if !self.is_found_out(&prepared, &mutant.answer, &mut proof).await? {
                    let name = &mutant.name;
                    proof
                        .failures
                        .push(format!("the wrong variant '{name}' passes under seed {seed}"));
                }
            }
        }
        // An answer that says nothing: empty source for code, an empty list for findings.
        let prepared = Prepared::new(task.clone(), Seed(1));
        let nothing = if matches!(task.kind, Kind::Findings) { "[]" } else { "pass\n" };
        let cases = self.judge(&prepared, nothing, &task.limits, &mut proof).await?;
        let passed = cases.iter().filter(|case| !case.verdict.is_wrong()).count();
        // A list without findings names nothing falsely, which is one case's worth.
        if passed > usize::from(matches!(task.kind, Kind::Findings)) {
            proof.failures.push(format!("an answer that says nothing passes {passed} cases"));
        }
        proof.failures.dedup();
        Ok(proof)
    }

    /// Whether some case fails. The cases are tried a few at a time, because a variant that is wrong by
    /// being slow takes its whole limit in each.
    async fn is_found_out(
        &mut self,
        prepared: &Prepared,
        answer: &str,
        proof: &mut Proof,
    ) -> Result<bool, Fault> {
        let whole = matches!(prepared.task.kind, Kind::Findings);
        let few = if whole { prepared.cases.len() } else { FEW };
        for cases in prepared.cases.chunks(few) {
            let part = Prepared { cases: cases.to_vec(), ..prepared.clone() };
            let judged = self.judge(&part, answer, &prepared.task.limits, proof).await?;
            if judged.iter().any(|case| case.verdict.is_wrong()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn judge(
        &mut self,
        prepared: &Prepared,
        answer: &str,
        limits: &Limits,
        proof: &mut Proof,
    ) -> Result<Vec<CaseResult>, Fault> {
        proof.judged += 1;
        let mut container = match self.container.take() {
            Some(container) => container,
            None => self.sandbox.start().await?,
        };
        let judged = judge_answer(&mut container, prepared, answer, limits, Until::AllMade).await;
        match &judged {
            Ok(judged) if judged.clean => self.container = Some(container),
            _ => self.sandbox.discard(container).await,
        }
        Ok(judged?.cases)
    }

    async fn throw_away(&mut self) {
        if let Some(container) = self.container.take() {
            self.sandbox.discard(container).await;
        }
    }
}

fn told(case: &CaseResult) -> String {
    case.clone().disclosed(crate::trial::record::Disclose::All).detail
}
