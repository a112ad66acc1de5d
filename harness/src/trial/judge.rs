//! From evidence to verdicts. All comparison happens here, on the host, with values that the answer
//! never saw.

use std::ops::ControlFlow;

use tasks::{CallOutcome, Case, Limits, Verdict};

use crate::sandbox::{CallEnd, CallsRun, LoadOutcome, ProcessEnd, TerminationReason};
use crate::trial::ending::verdict_of_end;
use crate::trial::instance::RoundTask;
use crate::trial::record::{CaseResult, Explanation};

/// When calls are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopPolicy {
    /// When all are made
    AllCalls,
    /// At the first case that is not accepted
    FirstFailure,
}

impl StopPolicy {
    fn is_over(self, last: &CaseResult) -> bool {
        self == Self::FirstFailure && last.verdict.is_wrong()
    }
}

/// Judges the cases of a trial one by one, as their calls end. A returned value is dropped once it is
/// judged, so a trial needs no more memory than its largest value.
pub struct TrialJudge<'a> {
    task: &'a RoundTask,
    stop: StopPolicy,
    results: Vec<CaseResult>,
    cut_short: (Verdict, String),
    clean: bool,
    timeouts: u32,
    withheld: bool,
}

impl<'a> TrialJudge<'a> {
    /// Judges an answer to this task.
    pub fn new(task: &'a RoundTask, stop: StopPolicy) -> Self {
        let cut_short = (Verdict::TimeLimit, "time was up before this call".to_owned());
        let (results, clean) = (Vec::new(), true);
        Self { task, stop, results, cut_short, clean, timeouts: 0, withheld: false }
    }

    /// Withholds from the miner what the calls return and raise, also in public cases. Required if the container held
    /// an input that the miner may not know.
    pub fn withhold(&mut self) {
        self.withheld = true;
    }

    /// How many more calls may exceed their time limit.
    pub fn timeouts_left(&self) -> u32 {
        self.task.task.limits.call_timeouts.saturating_sub(self.timeouts)
    }

    /// Judges the next case by the end of its call. A break means that no further call is needed.
    pub fn take(&mut self, end: &CallEnd) -> ControlFlow<()> {
        let Some(case) = self.task.cases.get(self.results.len()) else {
            return ControlFlow::Break(());
        };
        // A container in which a process ended early is not used again.
        self.clean &= matches!(end, CallEnd::Outcome(_));
        let limits = &self.task.task.limits;
        let entry_point = self.task.task.entry_point();
        let result = match end {
            CallEnd::Outcome(outcome) => judge_outcome(entry_point, case, outcome),
            CallEnd::Garbled => CaseResult::new(
                &case.name,
                Verdict::WrongAnswer,
                "its process did not send a value",
            ),
            CallEnd::Ended(end) => {
                let (verdict, detail) = verdict_of_end(*end, limits);
                match end.why {
                    TerminationReason::Values | TerminationReason::Wall => {
                        self.cut_short = (verdict, format!("not called: {detail}"));
                    }
                    TerminationReason::Cpu | TerminationReason::Idle => {
                        self.timeouts += 1;
                        if self.timeouts_left() == 0 {
                            self.cut_short =
                                (verdict, "not called: too many calls took too long".to_owned());
                        }
                    }
                    _ => {}
                }
                let Some(how) = end_in_words(*end) else {
                    // The call and the limit are the host's words, so they are never withheld for a public case.
                    let call = case.short_call(entry_point);
                    let result = explained(case, verdict, &detail, format!("{call}: {detail}"));
                    return self.push_and_stop(secret(case, result));
                };
                // An exit status can leak a byte of the input.
                explained(case, verdict, &detail, how)
            }
            CallEnd::NotMade => {
                CaseResult::new(&case.name, self.cut_short.0, self.cut_short.1.clone())
            }
        };
        let result = self.withheld(secret(case, result));
        self.push_and_stop(result)
    }

    fn push_and_stop(&mut self, result: CaseResult) -> ControlFlow<()> {
        let over = self.stop.is_over(&result);
        if over {
            self.cut_short = (result.verdict, "not called: an earlier case failed".to_owned());
        }
        self.results.push(result);
        if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Judges the remaining cases before `end` by how their calls ended together. A break means that no further call
    /// is needed.
    pub fn end_calls(&mut self, run: &CallsRun, end: usize) -> ControlFlow<()> {
        self.clean &= run.clean && !matches!(run.load, LoadOutcome::Ended(_));
        let entry_point = self.task.task.entry_point();
        if let Some(failure) = LoadFailure::of(entry_point, &self.task.task.limits, &run.load) {
            // An answer that had seen no hidden input cannot leak one.
            let knew_no_hidden =
                self.results.is_empty() || self.task.cases[..end].iter().all(|case| case.public);
            let rest = &self.task.cases[self.results.len()..];
            let explain = if knew_no_hidden { Explanation::Public } else { Explanation::Hidden };
            for case in rest {
                let secret = !knew_no_hidden && !case.public;
                let result = CaseResult { secret, ..failure.case(case, explain) };
                let result = self.withheld(result);
                self.results.push(result);
            }
            return ControlFlow::Break(());
        }
        let stopped = self.results.last().is_some_and(|result| self.stop.is_over(result));
        if !stopped && self.results.len() >= end && self.timeouts_left() > 0 {
            return ControlFlow::Continue(());
        }
        let clean = self.clean && stopped;
        self.stop = StopPolicy::AllCalls;
        while self.results.len() < self.task.cases.len() {
            let _ = self.take(&run.rest);
        }
        self.clean = clean;
        ControlFlow::Break(())
    }

    fn withheld(&self, mut result: CaseResult) -> CaseResult {
        if self.withheld {
            result.explanation = result.explanation.map(Explanation::withheld);
        }
        result
    }

    /// The verdict on every case, and whether the container is fit for another trial.
    pub fn finish(self) -> (Vec<CaseResult>, bool) {
        (self.results, self.clean)
    }
}

/// Returns the same verdict for every case.
pub fn same_verdict(cases: &[Case], verdict: Verdict, detail: &str) -> Vec<CaseResult> {
    cases.iter().map(|case| CaseResult::new(&case.name, verdict, detail)).collect()
}

/// Judges an answer of findings: nothing is called.
pub fn judge_findings(task: &RoundTask, answer: &str) -> Vec<CaseResult> {
    let judged = task.task.judge_findings(&task.cases, answer);
    let judge = |(case, (verdict, detail)): (&Case, (Verdict, String))| match verdict {
        Verdict::Accepted => secret(case, CaseResult::new(&case.name, verdict, "")),
        Verdict::NoSolution => CaseResult::new(&case.name, verdict, detail),
        _ => secret(case, explained(case, verdict, "the findings are wrong", detail)),
    };
    task.cases.iter().zip(judged).map(judge).collect()
}

/// Marks the result of a hidden case as secret.
fn secret(case: &Case, result: CaseResult) -> CaseResult {
    CaseResult { secret: !case.public, ..result }
}

/// A failed case: the kind of failure, and apart from it the explanation. The input of a
/// hidden case, what it returned and what it raised could all leak the input.
fn explained(case: &Case, verdict: Verdict, detail: &str, explanation: String) -> CaseResult {
    let explanation = if case.public {
        Explanation::Public(explanation)
    } else {
        Explanation::Hidden(explanation)
    };
    CaseResult { explanation: Some(explanation), ..CaseResult::new(&case.name, verdict, detail) }
}

fn judge_outcome(entry_point: &str, case: &Case, outcome: &CallOutcome) -> CaseResult {
    let verdict = case.check.judge(outcome);
    let detail = match verdict {
        Verdict::Accepted => return CaseResult::new(&case.name, verdict, ""),
        Verdict::RuntimeError => "an exception was raised",
        _ => "a wrong value was returned",
    };
    explained(case, verdict, detail, case.explain(entry_point, outcome))
}

/// Returns why an answer cannot be called, in words, or `None` if it can.
pub(crate) fn load_failure(
    entry_point: &str,
    limits: &Limits,
    load: &LoadOutcome,
) -> Option<String> {
    LoadFailure::of(entry_point, limits, load).map(|failure| failure.more.unwrap_or(failure.detail))
}

/// Returns how a call ended that returned nothing, in words.
pub(crate) fn call_failure(end: &CallEnd, limits: &Limits) -> String {
    match end {
        CallEnd::Outcome(outcome) => outcome.to_string(),
        CallEnd::Garbled => "its process did not send a value".to_owned(),
        CallEnd::Ended(end) => end_in_words(*end).unwrap_or_else(|| verdict_of_end(*end, limits).1),
        CallEnd::NotMade => "the time of all calls was up".to_owned(),
    }
}

/// Why the answer cannot be called.
struct LoadFailure {
    verdict: Verdict,
    detail: String,
    /// The exception, or how the process ended
    more: Option<String>,
}

impl LoadFailure {
    fn of(entry_point: &str, limits: &Limits, load: &LoadOutcome) -> Option<Self> {
        let (verdict, detail, more) = match load {
            LoadOutcome::Ready => return None,
            LoadOutcome::Unusable(error) => {
                let detail = "the answer is not Python source";
                (Verdict::NoSolution, detail.to_owned(), Some(format!("{detail}: {error}")))
            }
            LoadOutcome::Raised(error) => {
                let detail = "loading the answer raised an exception";
                let more = format!("loading the answer {error}");
                (Verdict::RuntimeError, detail.to_owned(), Some(more))
            }
            LoadOutcome::Missing => {
                let detail = format!("the answer does not define {entry_point}");
                (Verdict::NoSolution, detail, None)
            }
            LoadOutcome::Ended(end) => {
                let (verdict, detail) = verdict_of_end(*end, limits);
                let loaded = |how: &str| format!("while the answer was loaded, {how}");
                (verdict, loaded(&detail), end_in_words(*end).as_deref().map(loaded))
            }
        };
        Some(Self { verdict, detail, more })
    }

    fn case(&self, case: &Case, explain: fn(String) -> Explanation) -> CaseResult {
        let more = self.more.as_deref().map(|more| more.chars().take(EXPLANATION_CHARS).collect());
        let explanation = more.map(explain);
        CaseResult { explanation, ..CaseResult::new(&case.name, self.verdict, self.detail.clone()) }
    }
}

/// Most characters that the explanation of an answer that cannot be loaded may have.
const EXPLANATION_CHARS: usize = 2_000;

/// The status or signal of a process that ended by itself.
fn end_in_words(end: ProcessEnd) -> Option<String> {
    match (end.why, end.exit, end.signal) {
        (TerminationReason::Ended, _, Some(signal)) => {
            Some(format!("signal {signal} ended its process"))
        }
        (TerminationReason::Ended, Some(status), _) => {
            Some(format!("its process exited with status {status}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tasks::{Seed, Value};

    use super::*;
    use crate::sandbox::ResourceUsage;
    use crate::trial::record::Disclose;

    fn round_task() -> RoundTask {
        RoundTask::new(tasks::find("reverse_string").unwrap(), Seed(1))
    }

    fn run(load: LoadOutcome, rest: CallEnd) -> CallsRun {
        CallsRun { load, rest, clean: true, slowest_call_ms: 0, usage: ResourceUsage::default() }
    }

    /// Judges calls that ended like this.
    fn judged(calls: &[CallEnd], stop: StopPolicy) -> (Vec<CaseResult>, bool) {
        let task = round_task();
        let mut judge = TrialJudge::new(&task, stop);
        let _ = calls.iter().try_for_each(|end| judge.take(end));
        let _ = judge.end_calls(&run(LoadOutcome::Ready, CallEnd::NotMade), task.cases.len());
        judge.finish()
    }

    fn ended(why: TerminationReason, exit: Option<i32>, signal: Option<i32>) -> ProcessEnd {
        ProcessEnd { why, exit, signal }
    }

    /// One end per case: the first as given, the rest as `rest`.
    fn verdicts(first: CallEnd, rest: &CallEnd) -> (Verdict, Verdict) {
        let mut calls = vec![rest.clone(); round_task().cases.len()];
        calls[0] = first;
        let (results, clean) = judged(&calls, StopPolicy::AllCalls);
        assert!(!clean, "the container is used again although a process ended early");
        (results[0].verdict, results[1].verdict)
    }

    #[test]
    fn stops_after_too_many_calls_that_took_too_long() {
        let task = round_task();
        let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
        let slow = CallEnd::Ended(ended(TerminationReason::Cpu, None, Some(9)));
        let idle = CallEnd::Ended(ended(TerminationReason::Idle, None, Some(9)));
        let most = task.task.limits.call_timeouts;
        for left in (0..most).rev() {
            let _ = judge.take(if left == 0 { &idle } else { &slow });
            assert_eq!(judge.timeouts_left(), left);
        }
        // The driver made no more calls; also a part of the cases that has ended is the last one.
        let made = most as usize;
        assert!(judge.end_calls(&run(LoadOutcome::Ready, CallEnd::NotMade), made).is_break());
        let (results, clean) = judge.finish();
        assert!(!clean);
        assert_eq!(results.len(), task.cases.len());
        assert!(results.iter().all(|result| result.verdict == Verdict::TimeLimit), "{results:?}");
        assert!(results[made..].iter().all(|result| result.detail.starts_with("not called")));
    }

    #[test]
    fn call_that_exceeds_a_limit_is_shown_with_the_limit_as_far_as_disclosed() {
        let task = round_task();
        let slow = CallEnd::Ended(ended(TerminationReason::Cpu, None, Some(9)));
        for withhold in [false, true] {
            let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
            if withhold {
                judge.withhold();
            }
            for _ in &task.cases {
                let _ = judge.take(&slow);
            }
            for (case, result) in task.cases.iter().zip(judge.finish().0) {
                for (disclose, limit_shown, input_shown) in [
                    (Disclose::None, case.public, false),
                    (Disclose::Public, case.public, case.public),
                    (Disclose::All, true, true),
                ] {
                    let shown = result.clone().disclosed(disclose).detail;
                    let limit = "the limit of 2 s of CPU time per call";
                    assert_eq!(shown.contains(limit), limit_shown, "{shown}");
                    assert_eq!(shown.contains("reverse_string("), input_shown, "{shown}");
                }
            }
        }
    }

    #[test]
    fn withholds_explanations_of_a_container_that_held_hidden_inputs() {
        let task = round_task();
        let error = || CallOutcome::Raised {
            types: vec!["ValueError".into()],
            message: "smuggled".into(),
            line: Some(4242),
        };
        for load in [LoadOutcome::Ready, LoadOutcome::Raised(error())] {
            let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
            judge.withhold();
            if matches!(load, LoadOutcome::Ready) {
                let _ = judge.take(&CallEnd::Outcome(error()));
            }
            let _ = judge.end_calls(&run(load, CallEnd::NotMade), 1);
            for result in judge.finish().0 {
                let shown = result.disclosed(Disclose::Public);
                assert!(!shown.detail.contains("smuggled"), "{shown:?}");
                assert!(!shown.detail.contains("4242"), "{shown:?}");
            }
        }
    }

    #[test]
    fn maps_every_termination_reason_to_a_verdict() {
        use Verdict::{MemoryLimit, OutputLimit, RuntimeError, TimeLimit, WrongAnswer};
        let of = |why| verdicts(CallEnd::Ended(ended(why, None, Some(9))), &CallEnd::NotMade);
        assert_eq!(of(TerminationReason::Ended).0, RuntimeError);
        assert_eq!(of(TerminationReason::Memory).0, MemoryLimit);
        assert_eq!(of(TerminationReason::Cpu).0, TimeLimit);
        assert_eq!(of(TerminationReason::Idle).0, TimeLimit);
        assert_eq!(of(TerminationReason::Value).0, OutputLimit);
        assert_eq!(of(TerminationReason::Turn).0, RuntimeError);
        assert_eq!(of(TerminationReason::Wall), (TimeLimit, TimeLimit));
        assert_eq!(of(TerminationReason::Values), (OutputLimit, OutputLimit));
        assert_eq!(verdicts(CallEnd::Garbled, &CallEnd::NotMade).0, WrongAnswer);
    }

    #[test]
    fn first_failure_policy_stops_the_calls() {
        let wrong = || CallEnd::Outcome(CallOutcome::Returned(Value::None));
        let (results, clean) = judged(&[wrong(), wrong()], StopPolicy::FirstFailure);
        assert_eq!(results.len(), round_task().cases.len());
        assert!(clean);
        assert_eq!(results[0].detail, "a wrong value was returned");
        assert!(results[1..].iter().all(|r| r.detail.starts_with("not called")), "{results:?}");
        assert!(results.iter().all(|r| r.verdict == Verdict::WrongAnswer), "{results:?}");
    }

    #[test]
    fn load_failure_fails_every_case_alike() {
        let error = || CallOutcome::Raised {
            types: vec!["SyntaxError".into()],
            message: String::new(),
            line: None,
        };
        for (load, verdict) in [
            (LoadOutcome::Unusable(error()), Verdict::NoSolution),
            (LoadOutcome::Missing, Verdict::NoSolution),
            (LoadOutcome::Raised(error()), Verdict::RuntimeError),
            (LoadOutcome::Ended(ended(TerminationReason::Cpu, None, Some(9))), Verdict::TimeLimit),
        ] {
            let task = round_task();
            let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
            assert!(judge.end_calls(&run(load, CallEnd::NotMade), 1).is_break());
            let (results, _) = judge.finish();
            assert_eq!(results.len(), task.cases.len());
            assert!(results.iter().all(|result| result.verdict == verdict), "{results:?}");
        }
    }

    #[test]
    fn verdict_is_secret_if_the_answer_could_know_a_hidden_input() {
        let task = round_task();
        let all_but_public: Vec<_> = task.cases.iter().map(|case| !case.public).collect();
        let secret = |judge: TrialJudge<'_>| -> Vec<_> {
            judge.finish().0.iter().map(|r| r.secret).collect()
        };
        // Calls that were made, and calls that were not.
        let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
        let _ = judge.take(&CallEnd::Outcome(CallOutcome::Returned(Value::None)));
        let _ = judge.end_calls(&run(LoadOutcome::Ready, CallEnd::NotMade), task.cases.len());
        assert_eq!(secret(judge), all_but_public);
        // An answer that cannot be loaded has seen no input, unless it could be loaded before.
        let raised = || run(LoadOutcome::Missing, CallEnd::NotMade);
        let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
        let _ = judge.end_calls(&raised(), task.cases.len());
        assert_eq!(secret(judge), vec![false; task.cases.len()]);
        let public = task.cases.iter().filter(|case| case.public).count();
        let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
        for _ in 0..public {
            let _ = judge.take(&CallEnd::Outcome(CallOutcome::Returned(Value::None)));
        }
        let _ = judge.end_calls(&raised(), task.cases.len());
        assert_eq!(secret(judge), all_but_public);
    }

    #[test]
    fn findings_are_judged_for_every_case_and_secret_if_they_are() {
        let task = RoundTask::new(tasks::find("review_web_app").unwrap(), Seed(1));
        let tasks::Check::Finds { weaknesses, .. } = &task.cases[0].check else { panic!() };
        let finding = |w: &tasks::Weakness| serde_json::json!({"line": w.first_line, "cwe": w.cwe, "why": ""});
        let right: serde_json::Value = weaknesses.iter().map(finding).collect();
        let right = right.to_string();
        for (answer, verdict, judged) in [
            ("[]", Verdict::WrongAnswer, true),
            (&right, Verdict::Accepted, true),
            ("no JSON", Verdict::NoSolution, false),
        ] {
            let results = judge_findings(&task, answer);
            assert_eq!(results.len(), task.cases.len());
            for (case, result) in task.cases.iter().zip(results) {
                assert_eq!(result.verdict, verdict, "{answer}");
                assert_eq!(result.detail.is_empty(), !verdict.is_wrong(), "{answer}: {result:?}");
                assert_eq!(result.secret, judged && !case.public, "{answer}: {result:?}");
            }
        }
    }

    #[test]
    fn container_is_used_again_if_no_process_ended_early() {
        let task = round_task();
        let fit = |first: CallEnd, stop: StopPolicy, run: CallsRun| {
            let mut judge = TrialJudge::new(&task, stop);
            let _ = judge.take(&first);
            let _ = judge.end_calls(&run, 1);
            judge.finish().1
        };
        let wrong = || CallEnd::Outcome(CallOutcome::Returned(Value::None));
        let exit = ended(TerminationReason::Ended, Some(1), None);
        let made = || run(LoadOutcome::Ready, CallEnd::NotMade);
        assert!(fit(wrong(), StopPolicy::AllCalls, made()));
        assert!(fit(wrong(), StopPolicy::FirstFailure, made()));
        assert!(!fit(CallEnd::Ended(exit), StopPolicy::AllCalls, made()));
        assert!(!fit(CallEnd::Ended(exit), StopPolicy::FirstFailure, made()));
        let spoiled = CallsRun { clean: false, ..made() };
        assert!(!fit(wrong(), StopPolicy::AllCalls, spoiled));
        let load = LoadOutcome::Ended(exit);
        assert!(!fit(wrong(), StopPolicy::AllCalls, run(load, CallEnd::NotMade)));
    }

    #[test]
    fn details_state_the_kind_of_failure() {
        let task = round_task();
        let tasks::Check::Equal(expected) = &task.cases[0].check else { panic!() };
        let raised = CallOutcome::Raised { types: vec![], message: String::new(), line: None };
        let slow = CallEnd::Ended(ended(TerminationReason::Cpu, None, Some(9)));
        let late = "time was up before this call";
        for (end, detail, next) in [
            (CallEnd::Outcome(CallOutcome::Returned(expected.clone())), "", late),
            (CallEnd::Outcome(raised), "an exception was raised", late),
            (CallEnd::Garbled, "its process did not send a value", late),
            (slow, "the limit of 2 s of CPU time per call was exceeded", late),
        ] {
            let (results, _) = judged(&[end], StopPolicy::AllCalls);
            assert_eq!((&*results[0].detail, &*results[1].detail), (detail, next));
        }
        let same = same_verdict(&task.cases, Verdict::OutputLimit, "too long");
        assert!(same.iter().map(|result| &result.name).eq(task.cases.iter().map(|c| &c.name)));
        assert!(same.iter().all(|r| (r.verdict, &*r.detail) == (Verdict::OutputLimit, "too long")));
    }

    #[test]
    fn failures_outside_of_rounds_are_explained_in_full() {
        let limits = &Limits::STANDARD;
        let exit = ended(TerminationReason::Ended, Some(3), None);
        let killed = ended(TerminationReason::Ended, None, Some(9));
        let slow = ended(TerminationReason::Cpu, None, Some(9));
        for (end, words) in [
            (CallEnd::Outcome(CallOutcome::Returned(1.into())), "returned 1"),
            (CallEnd::Ended(exit), "its process exited with status 3"),
            (CallEnd::Ended(killed), "signal 9 ended its process"),
            (CallEnd::Ended(slow), "the limit of 2 s of CPU time per call was exceeded"),
            (CallEnd::NotMade, "the time of all calls was up"),
        ] {
            assert_eq!(call_failure(&end, limits), words);
        }
        let of = |load: LoadOutcome| load_failure("f", limits, &load);
        assert_eq!(of(LoadOutcome::Ready), None);
        assert_eq!(of(LoadOutcome::Missing).unwrap(), "the answer does not define f");
        let ended = of(LoadOutcome::Ended(exit)).unwrap();
        assert_eq!(ended, "while the answer was loaded, its process exited with status 3");
        let error =
            CallOutcome::Raised { types: vec!["E".into()], message: "m".into(), line: None };
        let raised = LoadOutcome::Raised(error);
        assert_eq!(of(raised.clone()).unwrap(), "loading the answer raised E: m");
        // A round shows as much of an answer that has seen no hidden input.
        let task = round_task();
        let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
        let _ = judge.end_calls(&run(raised, CallEnd::NotMade), 1);
        let shown = judge.finish().0.remove(0).disclosed(Disclose::Public).detail;
        assert_eq!(shown, "loading the answer raised E: m");
    }

    #[test]
    fn hidden_case_discloses_nothing_that_the_answer_chose() {
        let task = round_task();
        let secret = CallEnd::Outcome(CallOutcome::Returned(Value::from("smuggled")));
        let (results, clean) = judged(&vec![secret; task.cases.len()], StopPolicy::AllCalls);
        assert!(clean, "a wrong value leaves the container fit for use");
        for (case, result) in task.cases.iter().zip(&results) {
            assert_eq!(result.verdict, Verdict::WrongAnswer);
            for (disclose, shown) in
                [(Disclose::None, false), (Disclose::Public, case.public), (Disclose::All, true)]
            {
                let case_is_public = case.public;
                let case = result.clone().disclosed(disclose);
                assert_eq!(case.detail.contains("smuggled"), shown, "{disclose:?}: {case:?}");
                assert_eq!(case.verdict.is_some(), shown || case_is_public, "{case:?}");
            }
        }
    }
}
