//! The gate: what a task must prove before it may judge agents.
//!
//! Its reference passes every case within a third of its limits, and repeatedly; an agent
//! that prints nothing passes none; every wrong variant of the reference fails, and every lazy control stays below
//! [`LAZY_LIMIT`], under every seed.

use std::sync::Arc;

use platform::api::DisclosedCase;
use tasks::{Kind, LAZY_LIMIT, Limits, Seed, Tally, Task, TaskId};

use crate::Fault;
use crate::round::lease::ContainerLease;
use crate::round::pool::{WorkQueue, run_workers};
use crate::sandbox::Sandbox;
use crate::trial::instance::RoundTask;
use crate::trial::judge::StopPolicy;
use crate::trial::record::{CaseResult, Disclose};
use crate::trial::run::{JudgeRequest, judge_answer};

/// How many wrong variants a task must have next to its reference.
const MUTANTS: usize = 3;
/// How often the reference is judged under one seed.
const REPEATS: usize = 5;
/// How many cases of a wrong variant are judged at a time.
const FEW: usize = 6;
/// The reference must stay below 1 / `SPARE` of each limit of time.
const SPARE: u64 = 3;

/// What the gate is to prove.
pub struct GatePlan {
    /// The tasks
    pub tasks: Vec<Task>,
    /// Each task is proven under the seeds 1 to `seeds`
    pub seeds: u16,
    /// Containers at work at the same time
    pub jobs: usize,
}

/// What the gate found about one task.
#[derive(Debug)]
pub struct TaskProof {
    /// The task
    pub task: TaskId,
    /// How often an answer was judged, by all cases or by a few
    pub judged: usize,
    /// What is wrong with the task; empty if it may enter a round
    pub failures: Vec<String>,
}

/// Receives the proof of each task as soon as it is done.
pub type ProofListener = Arc<dyn Fn(&TaskProof) + Send + Sync>;

/// Proves tasks. The proofs are in the order of the tasks.
pub async fn gate(
    sandbox: &Sandbox,
    plan: GatePlan,
    on_proof: ProofListener,
) -> Result<Vec<TaskProof>, Fault> {
    let order: Vec<_> = plan.tasks.iter().map(|task| task.id.clone()).collect();
    let queue = Arc::new(WorkQueue::new(plan.tasks));
    let worker = || {
        let (queue, on_proof) = (Arc::clone(&queue), Arc::clone(&on_proof));
        let mut prover = Prover { lease: ContainerLease::new(sandbox) };
        async move {
            let mut proofs = Vec::new();
            while let Some(task) = queue.next() {
                let proof = prover.prove(&task, plan.seeds).await?;
                on_proof(&proof);
                proofs.push(proof);
            }
            prover.lease.discard().await;
            Ok::<_, Fault>(proofs)
        }
    };
    let proofs = run_workers(plan.jobs, worker).await?;
    let mut proofs: Vec<_> = proofs.into_iter().flatten().collect();
    proofs.sort_by_key(|proof| order.iter().position(|id| *id == proof.task));
    Ok(proofs)
}

/// Judges answers that are the project's own, so all of them may share a container as long as it is clean.
struct Prover {
    lease: ContainerLease,
}

impl Prover {
    async fn prove(&mut self, task: &Task, seeds: u16) -> Result<TaskProof, Fault> {
        let mut proof = TaskProof { task: task.id.clone(), judged: 0, failures: Vec::new() };
        for seed in 1..=u64::from(seeds) {
            let round_task = RoundTask::new(task.clone(), Seed(seed));
            self.prove_reference(&round_task, &mut proof).await?;
            self.prove_mutants(&round_task, &mut proof).await?;
            self.prove_lazy_controls(&round_task, &mut proof).await?;
        }
        self.prove_empty_answer(&RoundTask::new(task.clone(), Seed(1)), &mut proof).await?;
        proof.failures.dedup();
        Ok(proof)
    }

    async fn prove_reference(
        &mut self,
        task: &RoundTask,
        proof: &mut TaskProof,
    ) -> Result<(), Fault> {
        let limits = task.task.limits;
        let tight = Limits {
            call_cpu_ms: limits.call_cpu_ms / SPARE,
            calls_wall_ms: limits.calls_wall_ms / SPARE,
            ..limits
        };
        let repeats = if task.seed == Seed(1) { REPEATS } else { 1 };
        let reference = task.task.reference(task.seed);
        for _ in 0..repeats {
            let cases = self.judge(task, &reference, &tight, proof).await?;
            if let Some(case) = cases.into_iter().find(|case| case.verdict.is_wrong()) {
                let verdict = case.verdict;
                let DisclosedCase { name, detail, .. } = case.disclosed(Disclose::All);
                proof.failures.push(format!(
                    "its reference gets {verdict} in case {name} of seed {}, within a third of its limits: {detail}",
                    task.seed
                ));
            }
        }
        Ok(())
    }

    async fn prove_mutants(
        &mut self,
        task: &RoundTask,
        proof: &mut TaskProof,
    ) -> Result<(), Fault> {
        let mutants = task.task.mutants(task.seed);
        if mutants.len() < MUTANTS {
            let count = mutants.len();
            proof.failures.push(format!("it has {count} wrong variants, expected {MUTANTS}"));
        }
        for mutant in mutants {
            if !self.is_found_out(task, &mutant.answer, proof).await? {
                let (name, seed) = (&mutant.name, task.seed);
                proof.failures.push(format!("the wrong variant '{name}' passes under seed {seed}"));
            }
        }
        Ok(())
    }

    /// Answers that do not solve the task must score close to nothing. Those with the same result for every input are
    /// judged without calling them.
    async fn prove_lazy_controls(
        &mut self,
        task: &RoundTask,
        proof: &mut TaskProof,
    ) -> Result<(), Fault> {
        for control in task.task.lazy_controls(task.seed) {
            let verdicts = if let Some(verdicts) = control.verdicts(&task.cases) {
                proof.judged += 1;
                verdicts
            } else {
                let limits = &task.task.limits;
                let cases = self.judge(task, &control.answer, limits, proof).await?;
                cases.iter().map(|case| case.verdict).collect()
            };
            let score = Tally::of_cases(&task.cases, &verdicts).score();
            if score >= LAZY_LIMIT {
                let (name, seed) = (&control.name, task.seed);
                proof
                    .failures
                    .push(format!("the lazy control '{name}' scores {score} under seed {seed}"));
            }
        }
        Ok(())
    }

    /// An answer without content, empty source for code and an empty list for findings, must pass nothing.
    async fn prove_empty_answer(
        &mut self,
        task: &RoundTask,
        proof: &mut TaskProof,
    ) -> Result<(), Fault> {
        let nothing = if matches!(task.task.kind, Kind::Findings) { "[]" } else { "pass\n" };
        let cases = self.judge(task, nothing, &task.task.limits, proof).await?;
        let passed = tally(task, &cases).passed;
        if passed > 0 {
            proof.failures.push(format!("an empty answer passes {passed} cases"));
        }
        Ok(())
    }

    /// Returns whether some case fails. The cases are tried a few at a time, because a variant that is wrong by
    /// being slow takes its whole limit in each.
    async fn is_found_out(
        &mut self,
        task: &RoundTask,
        answer: &str,
        proof: &mut TaskProof,
    ) -> Result<bool, Fault> {
        let whole = matches!(task.task.kind, Kind::Findings);
        let few = if whole { task.cases.len() } else { FEW };
        for cases in task.cases.chunks(few) {
            let part = RoundTask { cases: cases.to_vec(), ..task.clone() };
            let judged = self.judge(&part, answer, &task.task.limits, proof).await?;
            if judged.iter().any(|case| case.verdict.is_wrong()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn judge(
        &mut self,
        task: &RoundTask,
        answer: &str,
        limits: &Limits,
        proof: &mut TaskProof,
    ) -> Result<Vec<CaseResult>, Fault> {
        proof.judged += 1;
        let request = JudgeRequest { task, answer, limits, stop: StopPolicy::AllCalls };
        let mut container = self.lease.take().await?;
        let done = judge_answer(&mut container, request).await;
        Ok(self.lease.put_back(container, done).await?.cases)
    }
}

fn tally(task: &RoundTask, cases: &[CaseResult]) -> Tally {
    let verdicts: Vec<_> = cases.iter().map(|case| case.verdict).collect();
    Tally::of_cases(&task.cases, &verdicts)
}
