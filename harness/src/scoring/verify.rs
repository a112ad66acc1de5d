//! Recomputing a report. Pure: whoever has the document can check it, and needs no container for it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::MinerId;
use platform::rankings::{Ranking, Round, TaskScore};
use serde::Deserialize;
use tasks::{Seed, TaskId, Verdict};

use crate::round::run::commitment;
use crate::scoring::rank::{Contender, rank};
use crate::scoring::reward::{Payout, Rao};
use crate::scoring::score::task_score;
use crate::trial::instance::Prepared;
use crate::trial::record::TrialRecord;

/// The document of `evaluate --json`.
#[derive(Deserialize)]
pub struct Report {
    /// The round
    pub round: Round,
    /// Its trials
    pub trials: Vec<TrialRecord>,
    /// Its rankings
    pub rankings: Vec<Ranking>,
}

/// Everything in a report that does not follow from the rest of it, one sentence each.
pub fn verify(report: &Report) -> Vec<String> {
    let mut wrong = commitment_of(&report.round);
    let mut scores = BTreeMap::<&MinerId, BTreeMap<TaskId, TaskScore>>::new();
    for record in &report.trials {
        wrong.extend(trial(record, report.round.seed));
        let result = &record.result;
        scores.entry(&record.miner_id).or_default().insert(result.task.clone(), result.score());
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
fn trial(record: &TrialRecord, seed: Seed) -> Vec<String> {
    let result = &record.result;
    let whose = format!("{} on {}", record.miner_id, result.task);
    let mut wrong = Vec::new();
    let passed = result.cases.iter().filter(|case| !case.verdict.is_wrong()).count();
    if (passed, result.cases.len()) != (result.passed as usize, result.total as usize) {
        wrong.push(format!(
            "{whose}: the cases do not add up to {} of {}",
            result.passed, result.total
        ));
    }
    if (result.score - task_score(result.passed, result.total)).abs() > f64::EPSILON {
        wrong.push(format!("{whose}: {} is not the score of its cases", result.score));
    }
    if Verdict::of_cases(result.cases.iter().map(|case| case.verdict)) != result.verdict {
        wrong.push(format!("{whose}: {} is not the verdict of its cases", result.verdict));
    }
    if result.seed != seed {
        wrong.push(format!("{whose}: it was run under seed {}", result.seed));
    }
    match tasks::find(result.task.as_str()) {
        None => wrong.push(format!("{whose}: this harness does not know the task")),
        Some(task) => {
            let asked = task.cases(seed);
            let names = result.cases.iter().map(|case| &case.name);
            if !names.eq(asked.iter().map(|case| &case.name)) {
                wrong.push(format!("{whose}: the cases are not those of the task under the seed"));
            }
        }
    }
    wrong
}

/// Ranks again. The times of submissions are not in a report, so ties keep the order that it has, and who
/// copied whom is taken from it.
fn standings(
    report: &Report,
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
    let tasks: Vec<_> = tasks.map(|task| Prepared::new(task, report.round.seed)).collect();
    let payout = match report.round.payout.as_str() {
        "proportional" => Payout::Proportional,
        "winner-takes-all" => Payout::WinnerTakesAll,
        other => return vec![format!("'{other}' is no way to pay")],
    };
    let Ok(pool) = report.round.pool_tao.parse::<Rao>() else {
        return vec![format!("'{}' is no pool", report.round.pool_tao)];
    };
    let again = rank(contenders.collect(), &tasks, pool, payout);
    let mut wrong = Vec::new();
    for (told, computed) in report.rankings.iter().zip(&again) {
        if told != computed {
            wrong.push(format!(
                "rank {}: the report says {} with {} and {} 'TAO', and {} with {} and {} 'TAO' follows from \
                 the trials",
                told.rank,
                told.miner_id,
                told.score,
                told.reward_tao,
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
    use crate::trial::record::{Attempt, CaseResult, TrialResult};

    /// A report of two agents on one task: all cases right, and all but the first.
    fn report() -> Report {
        let seed = Seed(3);
        let prepared = Prepared::new(tasks::find("reverse_string").unwrap(), seed);
        let record = |name: &str, wrong: usize| {
            let verdict =
                |index| if index < wrong { Verdict::WrongAnswer } else { Verdict::Accepted };
            let case = |(index, case): (usize, &tasks::Case)| CaseResult {
                name: case.name.clone(),
                verdict: verdict(index),
                detail: String::new(),
                explanation: None,
                counterexample: None,
            };
            let total = u32::try_from(prepared.cases.len()).unwrap();
            let passed = total - u32::try_from(wrong).unwrap();
            TrialRecord {
                miner_id: name.parse().unwrap(),
                result: TrialResult {
                    agent_sha256: Sha256::of(name.as_bytes()),
                    task: prepared.id().clone(),
                    seed,
                    verdict: verdict(0),
                    score: task_score(passed, total),
                    passed,
                    total,
                    cases: prepared.cases.iter().enumerate().map(case).collect(),
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
        let contender = |record: &TrialRecord| Contender {
            miner_id: record.miner_id.clone(),
            sha256: record.result.agent_sha256.clone(),
            uploaded_at: Timestamp::UNIX_EPOCH,
            first_submitted_at: Timestamp::UNIX_EPOCH,
            tasks: BTreeMap::from([(record.result.task.clone(), record.result.score())]),
        };
        let contenders = trials.iter().map(contender).collect();
        let pool = "100".parse().unwrap();
        let rankings = rank(contenders, &[prepared], pool, Payout::Proportional);
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
        Report { round, trials, rankings }
    }

    fn check(change: impl FnOnce(&mut Report), word: &str) {
        let mut report = report();
        change(&mut report);
        let wrong = verify(&report);
        assert!(
            wrong.iter().any(|sentence| sentence.contains(word)),
            "'{word}' is not in {wrong:?}"
        );
    }

    #[test]
    fn a_true_report_holds() {
        assert_eq!(verify(&report()), Vec::<String>::new());
    }

    #[test]
    fn whatever_does_not_follow_is_named() {
        check(|r| r.round.seed = Seed(4), "commitment");
        check(|r| r.round.salt = Some("cd".into()), "commitment");
        check(|r| r.round.salt = None, "commitment");
        check(|r| r.trials[1].result.score = 100.0, "not the score of its cases");
        check(|r| r.trials[1].result.passed += 1, "do not add up");
        check(|r| r.trials[1].result.verdict = Verdict::Accepted, "not the verdict");
        check(|r| r.trials[0].result.cases[0].name.push('x'), "not those of the task");
        check(|r| r.trials[0].result.seed = Seed(9), "seed 9");
        check(|r| r.rankings[1].reward_rao += 1, "rank 2");
        check(|r| r.rankings[0].score = 12.0, "rank 1");
        check(|r| r.rankings.swap(0, 1), "rank 1");
        check(|r| r.round.pool_tao = "99".into(), "rank 1");
    }
}
