//! What two runs of a trial must have in common, and who is wrong if they do not.
//!
//! Compared are: agent, task, repetition, seed, prompt and environment; what the agent printed; and of each case its
//! name and verdict. Not compared is what differs from machine to machine and from run to run: times, memory, stderr,
//! attempts, explanations, counterexamples. A verdict on time or memory of one run agrees with any verdict of the other:
//! a slow machine must not look like a lie.

use harness::trial::record::TrialRecord;
use tasks::Verdict;

/// How two runs of a trial compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunComparison {
    /// They agree.
    Same,
    /// They differ only in verdicts on time or memory.
    Resources,
    /// They differ.
    Different,
}

/// Compares two records of one trial.
pub fn compare(a: &TrialRecord, b: &TrialRecord) -> RunComparison {
    let names = |r: &TrialRecord| r.cases.iter().map(|case| case.name.clone()).collect::<Vec<_>>();
    let same_trial = (&a.agent_sha256, &a.task, a.repetition, a.seed)
        == (&b.agent_sha256, &b.task, b.repetition, b.seed)
        && names(a) == names(b);
    if same_trial && a.origin == b.origin && exact(a) == exact(b) {
        return RunComparison::Same;
    }
    let cut = |r: &TrialRecord| r.cases.iter().any(|case| is_of_resources(case.verdict));
    let cases_agree = a.cases.iter().zip(&b.cases).all(|(x, y)| {
        x.verdict == y.verdict || is_of_resources(x.verdict) || is_of_resources(y.verdict)
    });
    let printed = a.stdout == b.stdout || agent_was_cut(a) || agent_was_cut(b);
    if same_trial && cases_agree && printed && (cut(a) || cut(b)) {
        RunComparison::Resources
    } else {
        RunComparison::Different
    }
}

/// Everything that is compared of how a trial ended.
fn exact(record: &TrialRecord) -> (&str, bool, Vec<Verdict>) {
    let verdicts = record.cases.iter().map(|case| case.verdict).collect();
    (&record.stdout, record.stdout_truncated, verdicts)
}

/// Whether the agent itself may have run out of time or memory, so that it printed less.
fn agent_was_cut(record: &TrialRecord) -> bool {
    !record.cases.is_empty() && record.cases.iter().all(|case| is_of_resources(case.verdict))
}

const fn is_of_resources(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::TimeLimit | Verdict::MemoryLimit)
}

/// Runs of this machine that decide a dispute. A single one would take an agent that answers at random for a lie of its
/// worker too often.
pub const ARBITER_RUNS: usize = 3;

/// The end of a dispute between two workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeDecision {
    /// The runs of this machine differ among themselves: the agent answers at random, and no worker is named.
    Random,
    /// How the two compare with the runs of this machine, which agree.
    Settled {
        /// The worker whose record is in the store
        first: ClaimStanding,
        /// The worker that ran the trial again
        second: ClaimStanding,
    },
}

/// Whether a record agrees with the runs of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimStanding {
    /// It agrees.
    Right,
    /// It has verdicts on time or memory that this machine does not have.
    Slow,
    /// It contradicts them: a lie.
    Lie,
}

/// Decides a dispute by the runs of this machine.
pub fn decide(first: &TrialRecord, second: &TrialRecord, runs: &[TrialRecord]) -> DisputeDecision {
    let Some((reference, others)) = runs.split_first() else { return DisputeDecision::Random };
    if others.iter().any(|run| compare(reference, run) != RunComparison::Same) {
        return DisputeDecision::Random;
    }
    let standing = |record: &TrialRecord| match compare(record, reference) {
        RunComparison::Same => ClaimStanding::Right,
        RunComparison::Resources => ClaimStanding::Slow,
        RunComparison::Different => ClaimStanding::Lie,
    };
    DisputeDecision::Settled { first: standing(first), second: standing(second) }
}

#[cfg(test)]
mod tests {
    use harness::trial::record::CaseResult;
    use tasks::{Seed, Sha256};

    use super::*;
    use Verdict::{Accepted as AC, MemoryLimit as MLE, TimeLimit as TLE, WrongAnswer as WA};

    fn record(stdout: &str, verdicts: &[Verdict]) -> TrialRecord {
        let cases = verdicts.iter().enumerate();
        let case = |(n, verdict): (usize, &Verdict)| CaseResult::new(&format!("{n}"), *verdict, "");
        TrialRecord {
            agent_sha256: Sha256::of(b"agent"),
            task: "two_sum".parse().unwrap(),
            seed: Some(Seed(7)),
            repetition: 1,
            verdict: Verdict::of_cases(verdicts.iter().copied()),
            score: 0.0,
            passed: 0,
            total: 0,
            cases: cases.map(case).collect(),
            wall_ms: 1,
            cpu_ms: 1,
            peak_memory_bytes: 1,
            stdout: stdout.to_owned(),
            stderr: String::new(),
            stdout_truncated: false,
            stderr_truncated: false,
            model: None,
            attempts: Vec::new(),
            origin: None,
        }
    }

    #[test]
    fn what_a_machine_decides_is_not_compared() {
        let base = record("x", &[AC, WA]);
        let slow = TrialRecord {
            wall_ms: 9,
            cpu_ms: 9,
            peak_memory_bytes: 9,
            stderr: "warning at 0x7f".to_owned(),
            ..base.clone()
        };
        assert_eq!(compare(&base, &slow), RunComparison::Same);
        for (other, expected) in [
            (record("x", &[AC, AC]), RunComparison::Different),
            (record("y", &[AC, WA]), RunComparison::Different),
            (record("x", &[AC]), RunComparison::Different),
            (record("x", &[AC, TLE]), RunComparison::Resources),
            (record("x", &[TLE, TLE]), RunComparison::Resources),
            (record("", &[TLE, TLE]), RunComparison::Resources),
            (record("", &[MLE, MLE]), RunComparison::Resources),
            (record("y", &[AC, TLE]), RunComparison::Different),
            (record("x", &[WA, TLE]), RunComparison::Different),
            (TrialRecord { seed: Some(Seed(8)), ..base.clone() }, RunComparison::Different),
            (TrialRecord { repetition: 2, ..base.clone() }, RunComparison::Different),
        ] {
            assert_eq!(compare(&base, &other), expected, "{other:?}");
            assert_eq!(compare(&other, &base), expected, "{other:?}");
        }
    }

    #[test]
    fn the_runs_of_this_machine_decide_a_dispute() {
        use ClaimStanding::{Lie, Right, Slow};
        let (right, lie, slow) =
            (record("x", &[AC, AC]), record("x", &[AC, WA]), record("x", &[AC, TLE]));
        let runs = vec![right.clone(); ARBITER_RUNS];
        for (first, second, standings) in [
            (&lie, &right, (Lie, Right)),
            (&right, &lie, (Right, Lie)),
            (&lie, &lie, (Lie, Lie)),
            (&slow, &right, (Slow, Right)),
        ] {
            let (first, second) = (decide(first, second, &runs), standings);
            let (a, b) = second;
            assert_eq!(first, DisputeDecision::Settled { first: a, second: b });
        }
        let random = vec![right.clone(), lie.clone(), right.clone()];
        assert_eq!(decide(&lie, &right, &random), DisputeDecision::Random);
        assert_eq!(decide(&lie, &right, &[]), DisputeDecision::Random);
    }
}
