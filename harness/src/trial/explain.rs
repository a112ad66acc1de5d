//! Explanations for the miner: what the answer returned or raised, from a container that never held a hidden input.
//!
//! An answer decides what it returns, so whatever it could find in its container it could report. The container in
//! which hidden cases were called is therefore never asked for anything that the miner gets to read. If an
//! explanation is missing, another container is asked, which gets public inputs and counterexamples only.

use std::ops::ControlFlow;

use tasks::{Input, Kind, Limits};

use crate::Fault;
use crate::sandbox::{CallEnd, CallPlan, Container};
use crate::trial::instance::RoundTask;
use crate::trial::judge::{StopPolicy, TrialJudge};
use crate::trial::record::{CaseResult, Explanation};
use crate::trial::shrink::SmallerFailure;

/// Wall-clock time of the calls of one explanation, in milliseconds.
const WALL_MS: u64 = 5_000;

/// What the miner may know of a trial and the container of the trial could not report.
pub(crate) struct MissingExplanations {
    /// The answer
    pub answer: String,
    /// Whether public cases failed
    pub public: bool,
    /// The counterexample
    pub smallest: Option<SmallerFailure>,
}

impl MissingExplanations {
    /// Returns what is missing, or `None` if nothing is.
    pub fn of(
        task: &RoundTask,
        answer: &str,
        cases: &[CaseResult],
        smallest: Option<SmallerFailure>,
    ) -> Option<Self> {
        let withheld = |case: &CaseResult| matches!(case.explanation, Some(Explanation::Hidden(_)));
        let public = is_code(task)
            && task.cases.iter().zip(cases).any(|(case, result)| case.public && withheld(result));
        let missing = Self { answer: answer.to_owned(), public, smallest };
        (missing.public || missing.smallest.is_some()).then_some(missing)
    }

    /// Fills in the explanations, as far as the answer fails again in this container. Returns whether the container is
    /// fit for another use.
    pub async fn fill(
        self,
        container: &mut Container,
        task: &RoundTask,
        cases: &mut [CaseResult],
    ) -> Result<bool, Fault> {
        assert!(!container.held_hidden(), "explanations come from a container without secrets");
        let limits = Limits { calls_wall_ms: WALL_MS, call_timeouts: 1, ..task.task.limits };
        let mut clean = true;
        if self.public {
            clean &= explain_public(container, task, &self.answer, &limits, cases).await?;
        }
        if let Some(SmallerFailure { index, case }) = self.smallest
            && clean
        {
            let entry_point = task.task.entry_point();
            let calls = &[case.input()];
            let source = &self.answer;
            let plan = CallPlan { source, entry_point, calls, hidden: false, limits: &limits };
            let mut outcome = None;
            let on_end = |end| {
                outcome = Some(end);
                ControlFlow::Continue(())
            };
            clean &= container.make_calls(plan, on_end).await?.clean;
            if let Some(CallEnd::Outcome(outcome)) = outcome
                && case.check.judge(&outcome).is_wrong()
            {
                cases[index].counterexample = Some(case.explain(entry_point, &outcome));
            }
        }
        Ok(clean)
    }
}

fn is_code(task: &RoundTask) -> bool {
    matches!(task.task.kind, Kind::Code { .. })
}

/// Calls the public cases again. A case that fails in the same way gets its explanation from these calls.
async fn explain_public(
    container: &mut Container,
    task: &RoundTask,
    answer: &str,
    limits: &Limits,
    cases: &mut [CaseResult],
) -> Result<bool, Fault> {
    let public = task.cases.iter().take_while(|case| case.public).count();
    let calls: Vec<Input<'_>> = task.cases[..public].iter().map(tasks::Case::input).collect();
    let source = &task.task.loaded(answer);
    let entry_point = task.task.entry_point();
    let plan = CallPlan { source, entry_point, calls: &calls, hidden: false, limits };
    let mut judge = TrialJudge::new(task, StopPolicy::AllCalls);
    let run = container.make_calls(plan, |end| judge.take(&end)).await?;
    let _ = judge.end_calls(&run, public);
    let (again, clean) = judge.finish();
    for (case, again) in cases.iter_mut().zip(again) {
        let fails_alike = (case.verdict, &case.detail) == (again.verdict, &again.detail);
        if let Some(Explanation::Public(text)) = again.explanation
            && fails_alike
        {
            case.explanation = Some(Explanation::Public(text));
        }
    }
    Ok(clean)
}
