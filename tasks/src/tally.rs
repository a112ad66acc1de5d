//! The score of a trial from the verdicts of its cases.

use std::collections::HashMap;

use crate::case::Case;
use crate::verdict::Verdict;

/// The passed cases of a trial. A group of cases counts as one, which passes if all its members are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Number of passed cases and groups
    pub passed: u32,
    /// Number of cases and groups
    pub total: u32,
}

impl Tally {
    /// Counts cases, each given by its group, if any, and its verdict.
    pub fn of<'a>(cases: impl IntoIterator<Item = (Option<&'a str>, Verdict)>) -> Self {
        let mut tally = Self { passed: 0, total: 0 };
        let mut groups = HashMap::<&str, bool>::new();
        for (group, verdict) in cases {
            let accepted = verdict == Verdict::Accepted;
            match group {
                None => tally.add(accepted),
                Some(group) => *groups.entry(group).or_insert(true) &= accepted,
            }
        }
        for accepted in groups.into_values() {
            tally.add(accepted);
        }
        tally
    }

    /// Counts `cases` by their verdicts, which are in the same order. A case without a verdict fails.
    pub fn of_cases(cases: &[Case], verdicts: &[Verdict]) -> Self {
        let verdicts = verdicts.iter().copied().chain(std::iter::repeat(Verdict::NoSolution));
        Self::of(cases.iter().map(|case| case.group.as_deref()).zip(verdicts))
    }

    /// Returns 100 x passed / total, with two decimals, or 0 if there is no case.
    pub fn score(self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        (10_000.0 * f64::from(self.passed) / f64::from(self.total)).round() / 100.0
    }

    fn add(&mut self, accepted: bool) {
        self.total += 1;
        self.passed += u32::from(accepted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(Option<&'static str>, Verdict)], passed: u32, total: u32) {
        assert_eq!(Tally::of(cases.iter().copied()), Tally { passed, total }, "{cases:?}");
    }

    #[test]
    fn a_group_passes_if_all_its_cases_do() {
        use Verdict::{Accepted, TimeLimit, WrongAnswer};
        check(&[], 0, 0);
        check(&[(None, Accepted), (None, WrongAnswer), (None, Accepted)], 2, 3);
        check(&[(Some("a"), Accepted), (Some("a"), Accepted)], 1, 1);
        check(&[(Some("a"), Accepted), (Some("b"), Accepted), (Some("a"), TimeLimit)], 1, 2);
        check(&[(Some("a"), WrongAnswer), (Some("a"), Accepted), (None, Accepted)], 1, 2);
    }

    #[test]
    fn score_has_two_decimals() {
        for (passed, total, score) in [(0, 0, 0.0), (1, 3, 33.33), (2, 3, 66.67), (3, 3, 100.0)] {
            assert!((Tally { passed, total }.score() - score).abs() < 1e-9);
        }
    }
}
