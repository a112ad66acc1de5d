//! What the coordinator checks of a record before it stores it: that it is of this trial, and follows from its cases.

use harness::trial::instance::RoundTask;
use harness::trial::record::TrialRecord;
use tasks::{Sha256, Tally, Verdict};

/// Returns what is wrong with a record of a trial on this task, if anything. Whether its verdicts are true only another
/// run can show.
pub fn contradiction(
    record: &TrialRecord,
    task: &RoundTask,
    environment: &Sha256,
) -> Option<&'static str> {
    if record.seed != Some(task.seed) {
        return Some("it was not run under the round's seed");
    }
    let prompt = Sha256::of(task.prompt.as_bytes());
    let origin = record.origin.as_ref();
    if !origin.is_some_and(|o| o.prompt_sha256 == prompt && o.environment_sha256 == *environment) {
        return Some("it is not of the task's prompt in the round's image");
    }
    if origin.is_some_and(|origin| origin.regraded_from.is_some()) || record.model.is_some() {
        return Some("its agent was not run as the round asks");
    }
    let names = record.cases.iter().map(|case| &case.name);
    if !names.eq(task.cases.iter().map(|case| &case.name)) {
        return Some("its cases are not those of the task under the seed");
    }
    let verdicts: Vec<_> = record.cases.iter().map(|case| case.verdict).collect();
    let tally = Tally::of_cases(&task.cases, &verdicts);
    let counts = (tally.passed, tally.total) == (record.passed, record.total)
        && tally.score().total_cmp(&record.score).is_eq()
        && Verdict::of_cases(verdicts) == record.verdict;
    if !counts {
        return Some("its verdict, counts and score do not follow from its cases");
    }
    match record.attempts.split_last() {
        Some((last, earlier))
            if last.fault.is_none() && earlier.iter().all(|attempt| attempt.fault.is_some()) =>
        {
            None
        }
        _ => Some("its attempts do not end with the first one without a fault"),
    }
}
