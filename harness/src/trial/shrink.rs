//! Counterexamples: a wrong outcome of a hidden case is made smaller by calling the candidate again, until
//! what is left says what is wrong, and no longer what the round asked.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tasks::{Case, Limits};
use tokio::runtime::Handle;

use crate::sandbox::{CallEnd, Container};
use crate::trial::instance::Prepared;
use crate::trial::record::{CaseResult, Explanation};

/// Calls that one counterexample may take.
const CALLS: usize = 48;
/// Time for a counterexample where somebody waits for it.
pub const THOROUGH: Duration = Duration::from_millis(500);
/// Time for a counterexample in a round, where it is the arena's time and many want some of it.
pub const QUICK: Duration = Duration::from_millis(80);

/// Gives, within `time`, the first generated case that failed a counterexample, if the failure is an outcome. An agent
/// that fails a public case has its example already. Says whether the container is still fit for use.
///
/// A fault here is not worth a word: the verdicts stand, and the container is thrown away.
pub(crate) fn explain(
    container: &mut Container,
    prepared: &Prepared,
    (answer, cases): (&str, &mut [CaseResult]),
    time: Duration,
) -> bool {
    if time.is_zero() {
        return true;
    }
    let explained = |case: &CaseResult| case.explanation.is_some();
    let Some(first) = cases.iter().position(explained) else { return true };
    if matches!(cases[first].explanation, Some(Explanation::Public(_))) {
        return true;
    }
    let generated = cases[first..].iter_mut().filter(|case| case.explanation.is_some());
    for case in generated {
        if let Some(mut search) = Search::of(prepared, &case.name, time) {
            // The search holds a tree that cannot leave its thread, so it is not awaited but run here.
            let search = search.run(container, prepared, answer);
            let (smallest, clean) =
                tokio::task::block_in_place(|| Handle::current().block_on(search));
            case.counterexample = smallest;
            return clean;
        }
    }
    true
}

struct Search {
    shrinker: tasks::Shrinker,
    limits: Limits,
    until: Instant,
}

impl Search {
    fn of(prepared: &Prepared, case: &str, time: Duration) -> Option<Self> {
        let shrinker = prepared.task.shrinker(prepared.seed, case)?;
        let limits = Limits { calls_wall_ms: 1_000, ..prepared.task.limits };
        Some(Self { shrinker, limits, until: Instant::now() + time })
    }

    /// The smallest failing case, explained, and whether every call came back.
    async fn run(
        &mut self,
        container: &mut Container,
        prepared: &Prepared,
        answer: &str,
    ) -> (Option<String>, bool) {
        let entry_point = prepared.task.entry_point();
        let text =
            |case: &Case| serde_json::to_string(&case.input()).expect("an input is plain data");
        // What the round asked is not for telling, only what comes of making it smaller.
        let original = text(&self.shrinker.case());
        let mut smallest = None;
        let mut more = true;
        let mut calls = 0;
        // The case itself comes first: a candidate that does not fail it again has no counterexample.
        while more && calls < CALLS && Instant::now() < self.until {
            calls += 1;
            let case = self.shrinker.case();
            let mut ended = None;
            let on_end = |end| {
                ended = Some(end);
                ControlFlow::Continue(())
            };
            let run = container
                .make_calls((answer, entry_point), &[case.input()], &self.limits, on_end)
                .await;
            let outcome = match (run, ended) {
                (Ok(run), Some(CallEnd::Outcome(outcome))) if run.clean => outcome,
                _ => return (smallest, false),
            };
            let wrong = case.check.judge(&outcome).is_wrong();
            if wrong && text(&case) != original {
                smallest = Some(case.explain(entry_point, &outcome));
            }
            more = if wrong { self.shrinker.simplify() } else { self.shrinker.complicate() };
        }
        (smallest, true)
    }
}
