//! Recomputing a report: the document alone is enough, and no container is needed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::MinerId;
use platform::api::{Ranking, Round, TaskScore};
use serde::Deserialize;
use tasks::{Seed, TaskId, Verdict};

use crate::choice::ParseChoiceError;
use crate::round::seed::commitment;
use crate::scoring::rank::{Contender, rank};
use crate::scoring::reward::RewardPolicy;
use crate::scoring::score::task_score;
use crate::trial::instance::RoundTask;
use crate::trial::record::{MinerTrial, TrialRecord};

/// The document of `evaluate --json`.
#[derive(Deserialize)]
pub struct RoundReport {
    /// The round
    pub round: Round,
    /// Its trials
    pub trials: Vec<MinerTrial>,
    /// Its rankings
    pub rankings: Vec<Ranking>,
}

/// Returns one sentence for everything in a report that does not follow from the rest of it.
pub fn verify(report: &RoundReport) -> Vec<String> {
    let mut wrong = commitment_of(&report.round);
    let mut scores = BTreeMap::<&MinerId, BTreeMap<TaskId, TaskScore>>::new();
    for MinerTrial { miner_id, record } in &report.trials {
        wrong.extend(trial(miner_id, record, report.round.seed));
        scores.entry(miner_id).or_default().insert(record.task.clone(), record.score());
    }
    wrong.extend(standings(report, &scores));
    wrong
}

fn commitment_of(round: &Round) -> Vec<String> {
    match (&round.commitment, &round.salt) {
        (None, None) => Vec::new(),
        (Some(published), Some(salt)) if commitment(round.seed, salt) == *published => Vec::new(),
        _ => vec![format!("the commitment is not that of seed {} and its salt", round.seed)],
    }
}

/// A trial's verdict, counts and score follow from its cases, and those are the cases of task and seed.
fn trial(miner_id: &MinerId, record: &TrialRecord, seed: Seed) -> Vec<String> {
    let whose = format!("{miner_id} on {}", record.task);
    let mut wrong = Vec::new();
    let passed = record.cases.iter().filter(|case| !case.verdict.is_wrong()).count();
    if (passed, record.cases.len()) != (record.passed as usize, record.total as usize) {
        wrong.push(format!(
            "{whose}: the cases do not add up to {} of {}",
            record.passed, record.total
        ));
    }
    if (record.score - task_score(record.passed, record.total)).abs() > f64::EPSILON {
        wrong.push(format!("{whose}: {} is not the score of its cases", record.score));
    }
    if Verdict::of_cases(record.cases.iter().map(|case| case.verdict)) != record.verdict {
        wrong.push(format!("{whose}: {} is not the verdict of its cases", record.verdict));
    }
    if record.seed != seed {
        wrong.push(format!("{whose}: it was run under seed {}", record.seed));
    }
    match tasks::find(record.task.as_str()) {
        None => wrong.push(format!("{whose}: the task is unknown")),
        Some(task) => {
            let asked = task.cases(seed);
            let names = record.cases.iter().map(|case| &case.name);
            if !names.eq(asked.iter().map(|case| &case.name)) {
                wrong.push(format!("{whose}: the cases are not those of the task under the seed"));
            }
        }
    }
    wrong
}

/// Ranks again. The times of submissions are not in a report, so ties keep their order, and the originals of copies
/// are taken from the report.
fn standings(
    report: &RoundReport,
    scores: &BTreeMap<&MinerId, BTreeMap<TaskId, TaskScore>>,
) -> Vec<String> {
    let known = |ranking: &Ranking| scores.get(&ranking.miner_id).cloned().unwrap_or_default();
    let contenders = report.rankings.iter().enumerate().map(|(place, ranking)| {
        let time = Timestamp::from_second(i64::try_from(place).unwrap_or(i64::MAX));
        let time = time.unwrap_or(Timestamp::MAX);
        // The original comes before its copies, wherever it is in the ranking.
        let first = if ranking.copy_of.is_some() { time } else { Timestamp::MIN };
        Contender {
            miner_id: ranking.miner_id.clone(),
            sha256: ranking.agent_sha256.clone(),
            uploaded_at: time,
            first_submitted_at: first,
            tasks: known(ranking),
        }
    });
    let tasks = report.round.tasks.iter().filter_map(|id| tasks::find(id.as_str()));
    let tasks: Vec<_> = tasks.map(|task| RoundTask::new(task, report.round.seed)).collect();
    let payout = match report.round.payout.parse() {
        Ok(payout) => payout,
        Err(error) => return vec![ParseChoiceError::to_string(&error)],
    };
    let Ok(pool) = report.round.pool_tao.parse() else {
        return vec![format!("'{}' is not a pool", report.round.pool_tao)];
    };
    let reward = RewardPolicy { pool, payout };
    let again = rank(contenders.collect(), &tasks, reward);
    let mut wrong = Vec::new();
    for (reported, computed) in report.rankings.iter().zip(&again) {
        if reported != computed {
            wrong.push(format!(
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
    wrong
}

#[cfg(test)]
mod tests {
    use tasks::Sha256;

    use super::*;
    use crate::scoring::reward::Payout;
    use crate::trial::record::{Attempt, CaseResult};

    /// A report of two agents on one task: all cases right, and all but the first.
    fn report() -> RoundReport {
        let seed = Seed(3);
        let task = RoundTask::new(tasks::find("reverse_string").unwrap(), seed);
        let record = |name: &str, wrong: usize| {
            let verdict =
                |index| if index < wrong { Verdict::WrongAnswer } else { Verdict::Accepted };
            let case = |(index, case): (usize, &tasks::Case)| {
                CaseResult::new(&case.name, verdict(index), "")
            };
            let total = u32::try_from(task.cases.len()).unwrap();
            let passed = total - u32::try_from(wrong).unwrap();
            MinerTrial {
                miner_id: name.parse().unwrap(),
                record: TrialRecord {
                    agent_sha256: Sha256::of(name.as_bytes()),
                    task: task.id().clone(),
                    seed,
                    verdict: verdict(0),
                    score: task_score(passed, total),
                    passed,
                    total,
                    cases: task.cases.iter().enumerate().map(case).collect(),
                    wall_ms: 1,
                    cpu_ms: 1,
                    peak_memory_bytes: 1,
                    stdout: String::new(),
                    stderr: String::new(),
                    stdout_truncated: false,
                    stderr_truncated: false,
                    attempts: vec![Attempt::default()],
                },
            }
        };
        let trials = vec![record("a", 0), record("b", 1)];
        let contender = |trial: &MinerTrial| Contender {
            miner_id: trial.miner_id.clone(),
            sha256: trial.record.agent_sha256.clone(),
            uploaded_at: Timestamp::UNIX_EPOCH,
            first_submitted_at: Timestamp::UNIX_EPOCH,
            tasks: BTreeMap::from([(trial.record.task.clone(), trial.record.score())]),
        };
        let contenders = trials.iter().map(contender).collect();
        let reward = RewardPolicy { pool: "100".parse().unwrap(), payout: Payout::Proportional };
        let rankings = rank(contenders, &[task], reward);
        let salt = "ab".to_owned();
        let round = Round {
            id: "r".into(),
            commitment: Some(commitment(seed, &salt)),
            salt: Some(salt),
            seed,
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            tasks: vec!["reverse_string".parse().unwrap()],
            image: String::new(),
            isolation: "agent".into(),
            pool_tao: "100".into(),
            payout: "proportional".into(),
            trials: 2,
            cached: 0,
            faults: vec![],
        };
        RoundReport { round, trials, rankings }
    }

    fn check(change: impl FnOnce(&mut RoundReport), word: &str) {
        let mut report = report();
        change(&mut report);
        let wrong = verify(&report);
        assert!(
            wrong.iter().any(|sentence| sentence.contains(word)),
            "'{word}' is not in {wrong:?}"
        );
    }

    #[test]
    fn accepts_a_consistent_report() {
        assert_eq!(verify(&report()), Vec::<String>::new());
    }

    #[test]
    fn names_everything_that_does_not_follow() {
        check(|r| r.round.seed = Seed(4), "commitment");
        check(|r| r.round.salt = Some("cd".into()), "commitment");
        check(|r| r.round.salt = None, "commitment");
        check(|r| r.trials[1].record.score = 100.0, "not the score of its cases");
        check(|r| r.trials[1].record.passed += 1, "do not add up");
        check(|r| r.trials[1].record.verdict = Verdict::Accepted, "not the verdict");
        check(|r| r.trials[0].record.cases[0].name.push('x'), "not those of the task");
        check(|r| r.trials[0].record.seed = Seed(9), "seed 9");
        check(|r| r.rankings[1].reward_rao += 1, "rank 2");
        check(|r| r.rankings[0].score = 12.0, "rank 1");
        check(|r| r.rankings.swap(0, 1), "rank 1");
        check(|r| r.round.pool_tao = "99".into(), "rank 1");
    }
}
