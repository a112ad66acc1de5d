//! From evidence to verdicts. All comparison happens here, on the host, with values that the candidate
//! never saw.

use std::ops::ControlFlow;

use tasks::{Case, Outcome, Verdict};

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
                result(case, verdict, detail)
            }
            CallEnd::NotMade => result(case, self.cut_short.0, self.cut_short.1.to_owned()),
        };
        let failed = result.verdict.is_wrong();
        self.results.push(result);
        if failed && self.until == Until::FirstFailure {
            self.cut_short = (
                self.results[self.results.len() - 1].verdict,
                "not called: a case before it failed",
            );
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// The verdict on every case, and whether the container is fit for another trial.
    pub fn finish(mut self, run: &CallsRun) -> (Vec<CaseResult>, bool) {
        let loaded = !matches!(run.load, Load::Ended(_));
        if let Some((verdict, detail)) = load_failure(self.prepared.task.entry_point(), &run.load) {
            return (all_alike(&self.prepared.cases, verdict, &detail), loaded && run.clean);
        }
        let stopped = self.until == Until::FirstFailure;
        let clean =
            self.clean && run.clean && (stopped || self.results.len() == self.prepared.cases.len());
        self.until = Until::AllMade;
        while self.results.len() < self.prepared.cases.len() {
            let _ = self.take(&run.rest);
        }
        (self.results, clean)
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

fn judge_outcome(entry_point: &str, case: &Case, outcome: &Outcome) -> CaseResult {
    let verdict = case.check.judge(outcome);
    let detail = match verdict {
        Verdict::Accepted => return result(case, verdict, String::new()),
        Verdict::RuntimeError => "an exception was raised",
        _ => "a wrong value was returned",
    };
    explained(case, verdict, detail, case.explain(entry_point, outcome))
}

fn load_failure(entry_point: &str, load: &Load) -> Option<(Verdict, String)> {
    match load {
        Load::Ready => None,
        Load::Unusable(error) => {
            Some((Verdict::NoSolution, format!("the answer is not Python source: {error}")))
        }
        Load::Raised(error) => Some((Verdict::RuntimeError, format!("loading the answer {error}"))),
        Load::Missing => {
            Some((Verdict::NoSolution, format!("the answer does not define {entry_point}")))
        }
        Load::Ended(ended) => {
            let (verdict, detail) = of_ending(*ended);
            Some((verdict, format!("while the answer was loaded, {detail}")))
        }
    }
}

fn of_ending(ended: Ended) -> (Verdict, String) {
    let (verdict, detail) = match ended.why {
        Why::Ended => match (ended.exit, ended.signal) {
            (_, Some(signal)) => {
                return (Verdict::RuntimeError, format!("signal {signal} ended its process"));
            }
            (Some(status), _) => {
                return (Verdict::RuntimeError, format!("its process exited with status {status}"));
            }
            (None, None) => (Verdict::RuntimeError, "its process went away"),
        },
        Why::Memory => (Verdict::MemoryLimit, "memory was used up"),
        Why::Cpu => (Verdict::TimeLimit, "the CPU time of a call was used up"),
        Why::Wall => (Verdict::TimeLimit, "the time of all calls was up"),
        Why::Value => (Verdict::OutputLimit, "it returned a value that is too large"),
        Why::Values => (Verdict::OutputLimit, "its values are too large together"),
        Why::Turn => (Verdict::RuntimeError, "its process sent something that was not due"),
    };
    (verdict, detail.to_owned())
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
        judge.finish(&run(Load::Ready, CallEnd::NotMade))
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
        let wrong = || CallEnd::Outcome(Outcome::Returned(Value::None));
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
            || Outcome::Raised { types: vec!["SyntaxError".into()], message: String::new() };
        for (load, verdict) in [
            (Load::Unusable(error()), Verdict::NoSolution),
            (Load::Missing, Verdict::NoSolution),
            (Load::Raised(error()), Verdict::RuntimeError),
            (Load::Ended(ended(Why::Cpu, None, Some(9))), Verdict::TimeLimit),
        ] {
            let prepared = prepared();
            let judge = Judge::new(&prepared, Until::AllMade);
            let (results, _) = judge.finish(&run(load, CallEnd::NotMade));
            assert_eq!(results.len(), prepared.cases.len());
            assert!(results.iter().all(|result| result.verdict == verdict), "{results:?}");
        }
    }

    #[test]
    fn a_hidden_case_tells_nothing_that_the_candidate_could_have_put_there() {
        let prepared = prepared();
        let secret = CallEnd::Outcome(Outcome::Returned(Value::from("smuggled")));
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
