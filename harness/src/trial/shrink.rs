//! Counterexamples: the input of a failed hidden case is made smaller by calling the answer again. The smallest
//! failing input shows what is wrong and does not reveal what the round asked.
//!
//! The search runs in the container that held the hidden inputs, so nothing of what the answer returns there is
//! reported. `explain` calls it once more with the smallest input, elsewhere.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tasks::{Case, Limits};
use tokio::runtime::Handle;

use crate::sandbox::{CallEnd, CallPlan, Container};
use crate::trial::instance::RoundTask;
use crate::trial::record::CaseResult;

/// Calls that one counterexample may take.
const CALLS: usize = 48;
/// Time for a counterexample where a user waits for it.
pub const THOROUGH: Duration = Duration::from_millis(500);
/// Time for a counterexample in a round, where many trials need one.
pub const QUICK: Duration = Duration::from_millis(80);

/// A judged answer whose failures are to be explained.
#[derive(Clone, Copy)]
pub(crate) struct Failures<'a> {
    /// The task
    pub task: &'a RoundTask,
    /// The answer
    pub answer: &'a str,
    /// Its cases
    pub cases: &'a [CaseResult],
}

/// A smaller input that fails like a hidden case.
pub(crate) struct SmallerFailure {
    /// Index of the hidden case
    pub index: usize,
    /// The smaller case
    pub case: Case,
}

/// The outcome of a search.
#[derive(Default)]
pub(crate) struct SearchOutcome {
    /// The smallest failing input that was found
    pub smallest: Option<SmallerFailure>,
    /// Whether a call did not come back, so that the container is not fit for further use
    pub is_spoiled: bool,
}

/// Searches, within `time`, a counterexample for the first generated case that returned or raised something wrong. If
/// a public case failed, that case is the example already.
///
/// A fault here is ignored: the verdicts stand, and the container is discarded.
pub(crate) fn search(
    container: &mut Container,
    failures: Failures<'_>,
    time: Duration,
) -> SearchOutcome {
    let Failures { task, answer, cases } = failures;
    let mut failed =
        (0..cases.len()).filter(|index| cases[*index].explanation.is_some()).peekable();
    if time.is_zero() || failed.peek().is_none_or(|first| task.cases[*first].public) {
        return SearchOutcome::default();
    }
    for index in failed {
        if let Some(mut search) = Search::of(task, &cases[index].name, time) {
            // The search holds a tree that cannot leave its thread, so it runs here instead of being awaited.
            let search = search.run(container, task, answer);
            let (smallest, is_spoiled) =
                tokio::task::block_in_place(|| Handle::current().block_on(search));
            let smallest = smallest.map(|case| SmallerFailure { index, case });
            return SearchOutcome { smallest, is_spoiled };
        }
    }
    SearchOutcome::default()
}

/// A search for the smallest failing input.
struct Search {
    shrinker: tasks::Shrinker,
    limits: Limits,
    until: Instant,
}

impl Search {
    fn of(task: &RoundTask, case: &str, time: Duration) -> Option<Self> {
        let shrinker = task.task.shrinker(task.seed, case)?;
        let limits = Limits { calls_wall_ms: 1_000, ..task.task.limits };
        Some(Self { shrinker, limits, until: Instant::now() + time })
    }

    /// The smallest failing case, and whether a call did not come back.
    async fn run(
        &mut self,
        container: &mut Container,
        task: &RoundTask,
        answer: &str,
    ) -> (Option<Case>, bool) {
        let entry_point = task.task.entry_point();
        let text =
            |case: &Case| serde_json::to_string(&case.input()).expect("an input is plain data");
        // The input that the round asked is not disclosed, only smaller ones.
        let original = text(&self.shrinker.case());
        let mut smallest = None;
        let mut more = true;
        let mut calls = 0;
        // The case itself comes first: an answer that does not fail it again has no counterexample.
        while more && calls < CALLS && Instant::now() < self.until {
            calls += 1;
            let case = self.shrinker.case();
            let mut end_of_call = None;
            let on_end = |end| {
                end_of_call = Some(end);
                ControlFlow::Continue(())
            };
            let (calls, limits) = (&[case.input()], &self.limits);
            let plan = CallPlan { source: answer, entry_point, calls, hidden: true, limits };
            let run = container.make_calls(plan, on_end).await;
            let outcome = match (run, end_of_call) {
                (Ok(run), Some(CallEnd::Outcome(outcome))) if run.clean => outcome,
                _ => return (smallest, true),
            };
            let wrong = case.check.judge(&outcome).is_wrong();
            if wrong && text(&case) != original {
                smallest = Some(case);
            }
            more = if wrong { self.shrinker.simplify() } else { self.shrinker.complicate() };
        }
        (smallest, false)
    }
}
