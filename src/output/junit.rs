//! Trials as JUnit XML: a test suite per agent, a test case per task. A fault is an error, a wrong verdict a failure.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::text::without_controls;
use super::trials::{RowOutcome, TrialRow};

/// The report of these trials, which are in the order of their agents.
pub fn junit(rows: &[TrialRow]) -> String {
    let mut report = Report::new("arena");
    for row in rows.chunk_by(|a, b| a.agent == b.agent) {
        let mut suite = TestSuite::new(row[0].agent.as_str());
        suite.add_test_cases(row.iter().map(case));
        report.add_test_suite(suite);
    }
    report.to_string().expect("text can be written to memory")
}

fn case(row: &TrialRow) -> TestCase {
    let mut status = match &row.outcome {
        RowOutcome::Judged { score, .. } if !score.verdict.is_wrong() => TestCaseStatus::success(),
        RowOutcome::Judged { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
        RowOutcome::NotJudged(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    match &row.outcome {
        RowOutcome::Judged { score, failure, .. } => {
            let (verdict, passed, total) = (score.verdict, score.passed, score.total);
            status.set_type(verdict.code());
            status.set_message(format!("{verdict}, {passed} of {total} cases"));
            status.set_description(lines_without_controls(failure));
        }
        RowOutcome::NotJudged(fault) => {
            status.set_type("fault");
            status.set_message("not judged");
            status.set_description(lines_without_controls(fault));
        }
    }
    let mut case = TestCase::new(row.task.as_str(), status);
    case.set_classname(row.agent.as_str());
    if let RowOutcome::Judged { wall_ms, .. } = row.outcome {
        case.set_time(Duration::from_millis(wall_ms));
    }
    case
}

/// XML 1.0 has no control characters and neither of these two others, and readers of a report have terminals.
fn lines_without_controls(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(without_controls).collect();
    lines.join("\n").replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use platform::api::TaskScore;
    use tasks::Verdict;

    use super::*;

    fn judged(agent: &str, verdict: Verdict, failure: &str) -> TrialRow {
        let score = TaskScore {
            verdict,
            score: 50.0,
            passed: 1,
            total: 2,
            cost_micro_usd: None,
            repetitions: Vec::new(),
        };
        let failure = failure.to_owned();
        let outcome = RowOutcome::Judged { score, wall_ms: 1500, cpu_ms: 1, memory: 0, failure };
        TrialRow { agent: agent.to_owned(), task: "two_sum".to_owned(), outcome }
    }

    #[test]
    fn faults_are_errors_and_hostile_text_stays_text() {
        let hostile = "]]></failure><testcase/>\u{1b}[2J\u{0}\u{fffe}&\"";
        let fault = RowOutcome::NotJudged("no daemon".to_owned());
        let xml = junit(&[
            judged("alice", Verdict::Accepted, ""),
            judged("bob", Verdict::WrongAnswer, hostile),
            TrialRow { agent: "bob".to_owned(), task: "fizz".to_owned(), outcome: fault },
        ]);
        let count = |part: &str| xml.matches(part).count();
        assert_eq!((count("<testsuite "), count("<testcase ")), (2, 3), "{xml}");
        assert_eq!((count("<failure "), count("<error ")), (1, 1), "{xml}");
        assert!(xml.contains("tests=\"3\" skipped=\"0\" failures=\"1\" errors=\"1\""), "{xml}");
        assert!(xml.contains("type=\"fault\">no daemon</error>"), "{xml}");
        assert!(!xml.contains("<testcase/>"), "{xml}");
        assert!(xml.contains("&lt;testcase/&gt;"), "{xml}");
        let allowed = |c: char| c == '\n' || !c.is_control() && c != '\u{fffe}';
        assert!(xml.chars().all(allowed), "{xml:?}");
    }
}
