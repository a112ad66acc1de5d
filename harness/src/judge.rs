//! From evidence to verdicts. All comparison happens here, on the host, with values that the candidate
//! never saw.

use std::ops::ControlFlow;

use tasks::{CallOutcome, Case, Verdict};

use crate::prepared::Prepared;
use crate::sandbox::{CallEnd, CallsRun, Ended, Load, Why};
use crate::trial::{CaseResult, Explanation};

/// When calls are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When all are made
    AllMade,
    /// At the first case that is not accepted
    FirstFailure,
}

impl Until {
    fn is_over(self, last: &CaseResult) -> bool {
        self == Self::FirstFailure && last.verdict.is_wrong()
    }
}

/// Judges the cases of a trial one by one, as their calls end. What a call returned is gone when it is
/// judged, so a trial needs no more memory than its largest value.
pub struct Judge<'a> {
    prepared: &'a Prepared,
    until: Until,
    results: Vec<CaseResult>,
    cut_short: (Verdict, &'static str),
    clean: bool,
}

impl<'a> Judge<'a> {
    /// A judge of an answer to this task.
    pub fn new(prepared: &'a Prepared, until: Until) -> Self {
        let cut_short = (Verdict::TimeLimit, "time was up before this call");
        Self { prepared, until, results: Vec::new(), cut_short, clean: true }
    }

    /// Judges the next case by the end of its call. A break says that no further call is wanted.
    pub fn take(&mut self, end: &CallEnd) -> ControlFlow<()> {
        let Some(case) = self.prepared.cases.get(self.results.len()) else {
            return ControlFlow::Break(());
        };
        // A container in which a process ended before its time is not used again.
        self.clean &= matches!(end, CallEnd::Outcome(_));
        let result = match end {
            CallEnd::Outcome(outcome) => {
                judge_outcome(self.prepared.task.entry_point(), case, outcome)
            }
            CallEnd::Garbled => {
                let sentence = "its process sent something that is no value";
                result(case, Verdict::WrongAnswer, sentence.to_owned())
            }
            CallEnd::Ended(ended) => {
                let (verdict, detail) = of_ending(*ended);
                if matches!(ended.why, Why::Values) {
                    self.cut_short = (verdict, "room for values was up before this call");
                }
                match how_it_ended(*ended) {
                    // A status can carry a byte of the input out.
                    Some(how) => explained(case, verdict, detail, how),
                    None => result(case, verdict, detail.to_owned()),
                }
            }
            CallEnd::NotMade => result(case, self.cut_short.0, self.cut_short.1.to_owned()),
        };
        let over = self.until.is_over(&result);
        if over {
            self.cut_short = (result.verdict, "not called: a case before it failed");
        }
        self.results.push(result);
        if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Judges what is left of the cases before `end` by how their calls ended together. A break says that
    /// nothing else is worth calling.
    pub fn end_calls(&mut self, run: &CallsRun, end: usize) -> ControlFlow<()> {
        self.clean &= run.clean && !matches!(run.load, Load::Ended(_));
        let entry_point = self.prepared.task.entry_point();
        if let Some(failure) = LoadFailure::of(entry_point, &run.load) {
            // An answer that knew no input yet has nothing to give away.
            let knew_none = self.prepared.cases[..end].iter().all(|case| case.public);
            let rest = &self.prepared.cases[self.results.len()..];
            self.results.extend(rest.iter().map(|case| failure.result(case, knew_none)));
            return ControlFlow::Break(());
        }
        let stopped = self.results.last().is_some_and(|result| self.until.is_over(result));
        if !stopped && self.results.len() >= end {
            return ControlFlow::Continue(());
        }
        let clean = self.clean && stopped;
        self.until = Until::AllMade;
        while self.results.len() < self.prepared.cases.len() {
            let _ = self.take(&run.rest);
        }
        self.clean = clean;
        ControlFlow::Break(())
    }

    /// The verdict on every case, and whether the container is fit for another trial.
    pub fn finish(self) -> (Vec<CaseResult>, bool) {
        (self.results, self.clean)
    }
}

/// The same verdict for every case, for want of anything that tells them apart.
pub fn all_alike(cases: &[Case], verdict: Verdict, detail: &str) -> Vec<CaseResult> {
    cases.iter().map(|case| result(case, verdict, detail.to_owned())).collect()
}

/// Judges an answer of findings: nothing is called.
pub fn judge_findings(prepared: &Prepared, answer: &str) -> Vec<CaseResult> {
    let judged = prepared.task.judge_findings(&prepared.cases, answer);
    let judge = |(case, (verdict, detail)): (&Case, (Verdict, String))| match verdict {
        Verdict::Accepted => result(case, verdict, String::new()),
        Verdict::NoSolution => result(case, verdict, detail),
        _ => explained(case, verdict, "the findings are not right", detail),
    };
    prepared.cases.iter().zip(judged).map(judge).collect()
}

fn result(case: &Case, verdict: Verdict, detail: String) -> CaseResult {
    CaseResult { name: case.name.clone(), verdict, detail, explanation: None, counterexample: None }
}

/// A failed case: the kind of failure, which anybody may know, and the rest apart from it. What a hidden
/// case was called with, what it returned and what it raised could all carry the input out.
fn explained(case: &Case, verdict: Verdict, detail: &str, explanation: String) -> CaseResult {
    let explanation = if case.public {
        Explanation::Public(explanation)
    } else {
        Explanation::Hidden(explanation)
    };
    CaseResult { explanation: Some(explanation), ..result(case, verdict, detail.to_owned()) }
}

fn judge_outcome(entry_point: &str, case: &Case, outcome: &CallOutcome) -> CaseResult {
    let verdict = case.check.judge(outcome);
    let detail = match verdict {
        Verdict::Accepted => return result(case, verdict, String::new()),
        Verdict::RuntimeError => "an exception was raised",
        _ => "a wrong value was returned",
    };
    explained(case, verdict, detail, case.explain(entry_point, outcome))
}

/// Why no case can be judged.
struct LoadFailure {
    verdict: Verdict,
    detail: String,
    /// What the answer said, or how it ended
    more: Option<String>,
}

impl LoadFailure {
    fn of(entry_point: &str, load: &Load) -> Option<Self> {
        let (verdict, detail, more) = match load {
            Load::Ready => return None,
            Load::Unusable(error) => {
                let detail = "the answer is not Python source";
                (Verdict::NoSolution, detail.to_owned(), Some(format!("{detail}: {error}")))
            }
            Load::Raised(error) => {
                let detail = "loading the answer raised an exception";
                let more = format!("loading the answer {error}");
                (Verdict::RuntimeError, detail.to_owned(), Some(more))
            }
            Load::Missing => {
                let detail = format!("the answer does not define {entry_point}");
                (Verdict::NoSolution, detail, None)
            }
            Load::Ended(ended) => {
                let (verdict, detail) = of_ending(*ended);
                let loaded = |how: &str| format!("while the answer was loaded, {how}");
                (verdict, loaded(detail), how_it_ended(*ended).as_deref().map(loaded))
            }
        };
        Some(Self { verdict, detail, more })
    }

    fn result(&self, case: &Case, may_be_told: bool) -> CaseResult {
        let more = self.more.as_deref().map(|more| more.chars().take(MOST_TOLD).collect());
        let tell = if may_be_told { Explanation::Public } else { Explanation::Hidden };
        let explanation = more.map(tell);
        CaseResult { explanation, ..result(case, self.verdict, self.detail.clone()) }
    }
}

/// Characters of what an answer that cannot be loaded may say of it.
const MOST_TOLD: usize = 2_000;

fn of_ending(ended: Ended) -> (Verdict, &'static str) {
    match ended.why {
        Why::Ended => (Verdict::RuntimeError, "its process ended by itself"),
        Why::Memory => (Verdict::MemoryLimit, "memory was used up"),
        Why::Cpu => (Verdict::TimeLimit, "the CPU time of a call was used up"),
        Why::Wall => (Verdict::TimeLimit, "the time of all calls was up"),
        Why::Value => (Verdict::OutputLimit, "it returned a value that is too large"),
        Why::Values => (Verdict::OutputLimit, "its values are too large together"),
        Why::Turn => (Verdict::RuntimeError, "its process sent something that was not due"),
    }
}

/// The status or signal of a process that ended by itself.
fn how_it_ended(ended: Ended) -> Option<String> {
    match (ended.why, ended.exit, ended.signal) {
        (Why::Ended, _, Some(signal)) => Some(format!("signal {signal} ended its process")),
        (Why::Ended, Some(status), _) => Some(format!("its process exited with status {status}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tasks::{Seed, Value};

    use super::*;
    use crate::sandbox::Usage;
    use crate::trial::Disclose;

    fn prepared() -> Prepared {
        Prepared::new(tasks::find("reverse_string").unwrap(), Seed(1))
    }

    fn run(load: Load, rest: CallEnd) -> CallsRun {
        CallsRun { load, rest, clean: true, usage: Usage::default() }
    }

    /// The results of calls that ended like this.
    fn judged(calls: &[CallEnd], until: Until) -> (Vec<CaseResult>, bool) {
        let prepared = prepared();
        let mut judge = Judge::new(&prepared, until);
        let _ = calls.iter().try_for_each(|end| judge.take(end));
        let _ = judge.end_calls(&run(Load::Ready, CallEnd::NotMade), prepared.cases.len());
        judge.finish()
    }

    fn ended(why: Why, exit: Option<i32>, signal: Option<i32>) -> Ended {
        Ended { why, exit, signal }
    }

    /// One end per case: the first as given, the rest as `rest`.
    fn verdicts(first: CallEnd, rest: &CallEnd) -> (Verdict, Verdict) {
        let mut calls = vec![rest.clone(); prepared().cases.len()];
        calls[0] = first;
        let (results, clean) = judged(&calls, Until::AllMade);
        assert!(
            !clean,
            "a process that ended before its time leaves a container that is not used again"
        );
        (results[0].verdict, results[1].verdict)
    }

    #[test]
    fn every_way_to_end_has_its_verdict() {
        use Verdict::{MemoryLimit, OutputLimit, RuntimeError, TimeLimit, WrongAnswer};
        let of = |why| verdicts(CallEnd::Ended(ended(why, None, Some(9))), &CallEnd::NotMade);
        assert_eq!(of(Why::Ended).0, RuntimeError);
        assert_eq!(of(Why::Memory).0, MemoryLimit);
        assert_eq!(of(Why::Cpu).0, TimeLimit);
        assert_eq!(of(Why::Value).0, OutputLimit);
        assert_eq!(of(Why::Turn).0, RuntimeError);
        assert_eq!(of(Why::Wall), (TimeLimit, TimeLimit));
        assert_eq!(of(Why::Values), (OutputLimit, OutputLimit));
        assert_eq!(verdicts(CallEnd::Garbled, &CallEnd::NotMade).0, WrongAnswer);
    }

    #[test]
    fn after_the_first_failure_nothing_more_is_called_if_that_is_asked_for() {
        let wrong = || CallEnd::Outcome(CallOutcome::Returned(Value::None));
        let (results, clean) = judged(&[wrong(), wrong()], Until::FirstFailure);
        assert_eq!(results.len(), prepared().cases.len());
        assert!(clean);
        assert_eq!(results[0].detail, "a wrong value was returned");
        assert!(results[1..].iter().all(|r| r.detail.starts_with("not called")), "{results:?}");
        assert!(results.iter().all(|r| r.verdict == Verdict::WrongAnswer), "{results:?}");
    }

    #[test]
    fn an_answer_that_cannot_be_loaded_fails_every_case_alike() {
        let error =
            || CallOutcome::Raised { types: vec!["SyntaxError".into()], message: String::new() };
        for (load, verdict) in [
            (Load::Unusable(error()), Verdict::NoSolution),
            (Load::Missing, Verdict::NoSolution),
            (Load::Raised(error()), Verdict::RuntimeError),
            (Load::Ended(ended(Why::Cpu, None, Some(9))), Verdict::TimeLimit),
        ] {
            let prepared = prepared();
            let mut judge = Judge::new(&prepared, Until::AllMade);
            assert!(judge.end_calls(&run(load, CallEnd::NotMade), 1).is_break());
            let (results, _) = judge.finish();
            assert_eq!(results.len(), prepared.cases.len());
            assert!(results.iter().all(|result| result.verdict == verdict), "{results:?}");
        }
    }

    #[test]
    fn a_hidden_case_tells_nothing_that_the_candidate_could_have_put_there() {
        let prepared = prepared();
        let secret = CallEnd::Outcome(CallOutcome::Returned(Value::from("smuggled")));
        let (results, clean) = judged(&vec![secret; prepared.cases.len()], Until::AllMade);
        assert!(clean, "a wrong value does a container no harm");
        for (case, result) in prepared.cases.iter().zip(&results) {
            assert_eq!(result.verdict, Verdict::WrongAnswer);
            for (disclose, told) in
                [(Disclose::None, false), (Disclose::Public, case.public), (Disclose::All, true)]
            {
                let shown = result.clone().disclosed(disclose);
                assert_eq!(shown.detail.contains("smuggled"), told, "{disclose:?}: {shown:?}");
                assert_eq!(shown.explanation, None, "it would be printed");
            }
        }
    }
}
