//! Recomputing a report: the document alone is enough, and no container is needed.
//!
//! A report is a closed world: it has exactly one trial for each ranked agent and task, and everything else in it
//! follows from the trials, the tasks of this build, and the revealed seed.

use std::collections::{BTreeMap, BTreeSet};

use platform::MinerId;
use platform::api::{
    AnswerOrigin, DisclosedCase, DisclosedRecord, DisclosedTrial, FaultRecord, MAX_REPEAT, Ranking,
    Rankings, Round, RoundStatus, SshSignature, StopReason, trial_name,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tasks::{Sha256, Tally, Task, TaskId, Verdict};

use crate::round::results::{Environment, TrialIdentity};
use crate::scoring::bounds::{bounds, screen_score, screened};
use crate::scoring::digest::{ReportDigest, TrialsDigest};
use crate::scoring::gate::GateHistory;
use crate::scoring::rank::{Contender, RankRules, RankedRound, ScoredTask, rank};
use crate::scoring::reward::{Alpha, RewardPolicy};
use crate::scoring::score::TrialScores;
use crate::scoring::unique_fields::UniqueFields;
use crate::trial::instance::RoundTask;
use crate::trial::place::{RoundShape, TrialPlace};

/// The document of `evaluate --json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoundReport {
    /// The round
    pub round: Round,
    /// Its trials
    pub trials: Vec<DisclosedTrial>,
    /// Its rankings
    pub rankings: Vec<Ranking>,
    /// The signature of its ranking
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SshSignature>,
    /// The digest that the report states
    pub digest: Sha256,
    /// The digest of what the report holds
    #[serde(skip)]
    computed: Option<Sha256>,
    /// Whether the document has other fields, or in another form, than this report
    #[serde(skip)]
    differs: bool,
}

impl RoundReport {
    /// Parses the document of `evaluate --json`.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<UniqueFields>(json)?;
        let value: Value = serde_json::from_slice(json)?;
        let computed = digest_of(&value);
        let report = Self::deserialize(&value)?;
        let same = serde_json::to_value(&report)?;
        Ok(Self { computed: Some(computed), differs: same != value, ..report })
    }

    /// The part of it that is published.
    pub fn ranked(&self) -> Rankings {
        let Self { round, rankings, signature, .. } = self.clone();
        Rankings { round, rankings, signature }
    }
}

/// Returns the digest of a report's round, trials and rankings.
fn digest_of(report: &Value) -> Sha256 {
    let list = |name: &str| report[name].as_array().map_or(&[][..], Vec::as_slice);
    let mut digest = ReportDigest::of_round(&report["round"]);
    for trial in list("trials") {
        digest.add_trial(trial);
    }
    for ranking in list("rankings") {
        digest.add_ranking(ranking);
    }
    if let Some(signature) = report.get("signature") {
        digest.add_signature(signature);
    }
    digest.value()
}

/// Returns the digest of trials that a closed round states.
fn trials_digest(trials: &[DisclosedTrial]) -> Sha256 {
    let mut digest = TrialsDigest::default();
    for trial in trials {
        digest.add(&serde_json::to_value(trial).expect("a trial is plain data"));
    }
    digest.value()
}

/// Returns one sentence for everything in a report that does not follow from the rest of it and from the definitions of
/// its tasks. `all` names all tasks that there are: the built-in ones, or those of the round's benchmark. Private tasks
/// without definitions are checked as far as the report alone allows; [`unchecked`] counts them.
pub fn verify(report: &RoundReport, definitions: &[Task], all: &[TaskId]) -> Vec<String> {
    verify_drawn(report, all, |id| {
        let task = definitions.iter().find(|task| task.id == *id)?;
        Some(RoundTask::new(task.clone(), report.round.seed?))
    })
}

/// Returns the number of private tasks of a report that no definition is given for.
pub fn unchecked(report: &RoundReport, definitions: &[Task]) -> usize {
    let is_defined = |id: &TaskId| definitions.iter().any(|task| task.id == *id);
    report.round.tasks.iter().filter(|id| id.is_private() && !is_defined(id)).count()
}

/// Verifies a report whose tasks `draw` draws under its seed, which takes most of the time.
fn verify_drawn(
    report: &RoundReport,
    all: &[TaskId],
    draw: impl Fn(&TaskId) -> Option<RoundTask>,
) -> Vec<String> {
    let mut problems = Vec::new();
    if report.computed.as_ref() != Some(&report.digest) {
        problems.push(
            "the digest is not that of the report: it was changed after it was written".to_owned(),
        );
    }
    if report.differs {
        problems.push(
            "the report has fields that no report has, or lacks some: it was not written by 'arena evaluate'"
                .to_owned(),
        );
    }
    problems.extend(report.ranked().check());
    if report.round.status == RoundStatus::Open || report.round.seed.is_none() {
        problems.push(format!(
            "round {} is open: verify its report after the seed is revealed",
            report.round.id
        ));
        return problems;
    }
    let (mut tasks, mut scored) = (Vec::new(), Vec::new());
    for id in &report.round.tasks {
        match draw(id) {
            Some(task) => {
                scored.push(ScoredTask::from(&task.task));
                tasks.push(task);
            }
            None if id.is_private() => scored.push(ScoredTask::private(id)),
            None => problems.push(format!("task {id} is unknown")),
        }
    }
    // Agents may have been left out of a partial round too, which a report cannot show.
    let left_out = all.iter().filter(|id| !report.round.tasks.contains(id)).count();
    if !report.round.partial && left_out > 0 {
        problems.push(format!("the round is not partial, but leaves out {left_out} tasks"));
    }
    if report.round.trials_sha256.as_ref() != Some(&trials_digest(&report.trials)) {
        problems.push(format!(
            "the trials are not those that round {} was closed with",
            report.round.id
        ));
    }
    check_coverage(report, &mut problems);
    check_copies(report, &mut problems);
    for trial in &report.trials {
        check_trial(trial, &report.round, &tasks, &mut problems);
    }
    check_stopped(report, &scored, &mut problems);
    check_standings(report, &scored, &mut problems);
    problems
}

/// Agents that were stopped have distinct trials, which prove that the rule applies.
fn check_stopped(report: &RoundReport, tasks: &[ScoredTask], problems: &mut Vec<String>) {
    let round = &report.round;
    for stopped in &round.stopped {
        let miner_id = &stopped.miner_id;
        let own = report.trials.iter().filter(|trial| trial.miner_id == *miner_id);
        let scores = scores_of(own.clone(), round, tasks);
        let listed = own.clone().count();
        if own.clone().any(|trial| trial.record.agent_sha256 != stopped.agent_sha256) {
            problems.push(format!("{miner_id}: a trial is of another agent than the stopped one"));
        }
        if listed != scores.count() || stopped.trials != listed as u64 {
            problems.push(format!("{miner_id}: its trials are not those that it was stopped with"));
        }
        let high = bounds(&scores, tasks).high;
        let holds = match stopped.reason {
            StopReason::Screening => round.screening.is_some_and(|rule| {
                let drawn = screened(&round.commitment, &round.tasks, rule.tasks as usize);
                let score = screen_score(&scores, tasks, &drawn);
                score.is_some_and(|score| score < rule.score)
            }),
            StopReason::OutOfReach => round.top.is_some_and(|top| {
                let last = (top as usize).checked_sub(1).and_then(|at| report.rankings.get(at));
                last.is_some_and(|last| high < last.score)
            }),
        };
        if !holds || stopped.bound.total_cmp(&high).is_ne() {
            problems.push(format!("{miner_id}: its trials do not prove that it had to be stopped"));
        }
    }
}

/// The scores of an agent's trials, as far as the round has these trials.
fn scores_of<'a>(
    trials: impl Iterator<Item = &'a DisclosedTrial>,
    round: &Round,
    tasks: &[ScoredTask],
) -> TrialScores {
    let shape = RoundShape { tasks: tasks.len(), repeat: round.repeat.clamp(1, MAX_REPEAT) };
    let mut scores = TrialScores::new(shape);
    for DisclosedTrial { record, .. } in trials {
        let task = tasks.iter().position(|task| task.id == record.task);
        let place = task.map(|task| TrialPlace { task, repetition: record.repetition });
        if let Some(place) = place.filter(|place| shape.has(*place)) {
            scores.insert(place, record.score());
        }
    }
    scores
}

/// Each ranked agent has exactly one trial on each task; an agent that is not judged has one or a fault.
fn check_coverage(report: &RoundReport, problems: &mut Vec<String>) {
    let mut counts = BTreeMap::<(&MinerId, &TaskId, u32), usize>::new();
    for DisclosedTrial { miner_id, record, .. } in &report.trials {
        *counts.entry((miner_id, &record.task, record.repetition)).or_default() += 1;
    }
    for FaultRecord { miner_id, task, repetition, .. } in &report.round.faults {
        let trial = (miner_id, task, *repetition);
        if counts.contains_key(&trial) {
            let trial = trial_name(task, *repetition);
            problems.push(format!("{miner_id} on {trial} has a fault and a trial"));
        }
        counts.entry(trial).or_insert(1);
    }
    let ranked = report.rankings.iter().map(|ranking| &ranking.miner_id);
    let of_round = |fault: &&FaultRecord| report.round.tasks.contains(&fault.task);
    let faulted = report.round.faults.iter().filter(of_round).map(|fault| &fault.miner_id);
    let agents: BTreeSet<_> = ranked.chain(faulted).collect();
    for agent in &agents {
        // A round with more repetitions than there may be is reported already.
        let repetitions = 1..=report.round.repeat.min(MAX_REPEAT);
        let tasks = report.round.tasks.iter();
        for (task, repetition) in tasks.flat_map(|task| repetitions.clone().map(move |n| (task, n)))
        {
            let trial = trial_name(task, repetition);
            match counts.get(&(*agent, task, repetition)) {
                Some(1) => {}
                None => problems.push(format!("{agent} on {trial}: the trial is missing")),
                Some(count) => {
                    problems.push(format!("{agent} on {trial}: there are {count} trials"));
                }
            }
        }
    }
    let is_stopped =
        |miner_id: &MinerId| report.round.stopped.iter().any(|s| s.miner_id == *miner_id);
    for DisclosedTrial { miner_id, record, .. } in &report.trials {
        if !agents.contains(miner_id) && !is_stopped(miner_id) {
            problems.push(format!("{miner_id} on {}: the agent is not in the round", record.task));
        }
        if !report.round.tasks.contains(&record.task) {
            problems.push(format!("{miner_id} on {}: the task is not in the round", record.task));
        }
        if !(1..=report.round.repeat).contains(&record.repetition) {
            problems.push(format!(
                "{miner_id} on {}: repetition {} is not in the round",
                record.task, record.repetition
            ));
        }
    }
    for ranking in &report.rankings {
        let own = report.trials.iter().filter(|trial| trial.miner_id == ranking.miner_id);
        for trial in own {
            if trial.record.agent_sha256 != ranking.agent_sha256 {
                problems.push(format!(
                    "{} on {}: the trial is of agent {}, but {} is ranked",
                    ranking.miner_id,
                    trial.record.task,
                    trial.record.agent_sha256.short(),
                    ranking.agent_sha256.short()
                ));
            }
        }
    }
}

/// Agents with the same source share one record of each task.
fn check_copies(report: &RoundReport, problems: &mut Vec<String>) {
    let mut records = BTreeMap::<_, &DisclosedTrial>::new();
    for trial in &report.trials {
        let DisclosedTrial { miner_id, record, .. } = trial;
        let same = (&record.agent_sha256, &record.task, record.repetition);
        let first = records.entry(same).or_insert(trial);
        if first.record != *record {
            problems.push(format!(
                "{miner_id} on {}: the record is not that of {}, which has the same source",
                record.task, first.miner_id
            ));
        }
    }
}

/// A trial's key, verdict, counts and score follow from its agent, its task under the seed, and its cases.
fn check_trial(
    trial: &DisclosedTrial,
    round: &Round,
    tasks: &[RoundTask],
    problems: &mut Vec<String>,
) {
    let DisclosedTrial { miner_id, key, record } = trial;
    let mut found = Vec::new();
    if record.seed != round.seed {
        found.push("it was not run under the round's seed".to_owned());
    }
    if let Some(task) = tasks.iter().find(|task| *task.id() == record.task) {
        let environment = &Environment::new(&round.image, round.model.as_deref());
        let (agent, repetition) = (&record.agent_sha256, record.repetition);
        let expected = TrialIdentity { agent, task, repetition, environment }.key();
        if key.as_ref() != Some(&expected) {
            found.push(
                "its key is not that of agent, task, repetition, image, model and protocol version"
                    .to_owned(),
            );
        }
        let prompt = Sha256::of(task.prompt.as_bytes());
        let same = |origin: &AnswerOrigin| {
            (&origin.prompt_sha256, &origin.environment_sha256) == (&prompt, &environment.digest())
        };
        if !record.origin.as_ref().is_some_and(same) {
            found.push(
                "its answer is not to the task's prompt, or not from the round's image".to_owned(),
            );
        }
        let names = record.cases.iter().map(|case| &case.name);
        if !names.eq(task.cases.iter().map(|case| &case.name)) {
            found.push("the cases are not those of the task under the seed".to_owned());
        }
        check_counts(record, task, &mut found);
    } else if record.task.is_private() {
        // The problems of a benchmark have no groups of cases.
        let verdicts = verdicts(record).into_iter().map(|verdict| (None, verdict));
        check_sums(record, Tally::of(verdicts), &mut found);
    }
    if record.task.is_private() && !record.is_withheld() {
        found.push("it discloses more than which cases of a private task passed".to_owned());
    }
    match record.attempts.split_last() {
        Some((last, earlier))
            if last.fault.is_none() && earlier.iter().all(|attempt| attempt.fault.is_some()) => {}
        _ => found.push("its attempts do not end with the first one without a fault".to_owned()),
    }
    problems
        .extend(found.into_iter().map(|what| format!("{miner_id} on {}: {what}", record.name())));
}

/// Verdicts for counting, which needs to know no more than which cases passed.
fn verdicts(record: &DisclosedRecord) -> Vec<Verdict> {
    let verdict = |case: &DisclosedCase| {
        if case.passed { Verdict::Accepted } else { Verdict::WrongAnswer }
    };
    record.cases.iter().map(verdict).collect()
}

fn check_counts(record: &DisclosedRecord, task: &RoundTask, found: &mut Vec<String>) {
    check_sums(record, Tally::of_cases(&task.cases, &verdicts(record)), found);
    for (case, disclosed) in task.cases.iter().zip(&record.cases) {
        if case.public && disclosed.verdict.is_none() && !record.task.is_private() {
            found.push(format!("case {}: it is public, but has no verdict", case.name));
        }
    }
}

/// Counts, score and verdict of a trial follow from its cases.
fn check_sums(record: &DisclosedRecord, tally: Tally, found: &mut Vec<String>) {
    if (tally.passed, tally.total) != (record.passed, record.total) {
        found.push(format!("the cases do not add up to {} of {}", record.passed, record.total));
    }
    if record.score.total_cmp(&tally.score()).is_ne() {
        found.push(format!("{} is not the score of its cases", record.score));
    }
    let contradicts = |case: &&DisclosedCase| {
        case.verdict.is_some_and(|verdict| verdict.is_wrong() == case.passed)
    };
    if let Some(case) = record.cases.iter().find(contradicts) {
        found.push(format!("case {}: its verdict contradicts whether it passed", case.name));
    }
    if !is_verdict_of(record.verdict, &record.cases) {
        found.push(format!("{} is not the verdict of its cases", record.verdict));
    }
}

/// Returns whether a trial can have this verdict: that of its first failed case, or, if that one is secret, any but
/// accepted.
fn is_verdict_of(verdict: Verdict, cases: &[DisclosedCase]) -> bool {
    match cases.iter().find(|case| !case.passed) {
        None => verdict == Verdict::Accepted,
        Some(case) => case.verdict.map_or(verdict.is_wrong(), |first| first == verdict),
    }
}

/// Ranks again.
fn check_standings(report: &RoundReport, tasks: &[ScoredTask], problems: &mut Vec<String>) {
    let contender = |ranking: &Ranking| {
        let own = report.trials.iter().filter(|trial| trial.miner_id == ranking.miner_id);
        Contender {
            miner_id: ranking.miner_id.clone(),
            sha256: ranking.agent_sha256.clone(),
            program_sha256: ranking.program_sha256.clone(),
            uploaded_at: ranking.uploaded_at,
            first_submitted_at: ranking.first_submitted_at,
            tasks: scores_of(own, &report.round, tasks).by_task(tasks.iter().map(|task| &task.id)),
        }
    };
    let Ok(payout) = report.round.payout.parse() else {
        problems.push(format!(
            "'{}' is not a payout of this version",
            report.round.payout.escape_debug()
        ));
        return;
    };
    // A wrong pool is reported by the check of the rankings.
    let Ok(pool) = report.round.pool_tao.parse() else { return };
    if report.round.isolation.parse::<crate::round::plan::Isolation>().is_err() {
        problems.push(format!("'{}' is not an isolation", report.round.isolation.escape_debug()));
    }
    let alpha = match Alpha::try_from(report.round.alpha) {
        Ok(alpha) => alpha,
        Err(error) => return problems.push(error.to_string()),
    };
    let contenders = report.rankings.iter().map(contender).collect();
    let RankedRound { rankings, resolution, gate } = rank(
        contenders,
        &RankRules {
            tasks,
            repeat: report.round.repeat,
            commitment: &report.round.commitment,
            reward: RewardPolicy { pool, payout, alpha },
            history: &GateHistory::of_report(report.round.gate.as_ref()),
        },
    );
    if resolution != report.round.resolution {
        problems.push("the resolution is not that of the trials".to_owned());
    }
    if gate != report.round.gate {
        problems.push("the gate does not follow from the trials and the earlier scores".to_owned());
    }
    for (reported, computed) in report.rankings.iter().zip(&rankings) {
        if reported != computed {
            problems.push(format!(
                "rank {}: the report has {} with {} and {} 'TAO', but {} with {} and {} 'TAO' follows from \
                 the trials",
                reported.rank,
                reported.miner_id,
                reported.score,
                reported.reward_tao,
                computed.miner_id,
                computed.score,
                computed.reward_tao
            ));
        }
    }
}

#[cfg(test)]
mod tests;
