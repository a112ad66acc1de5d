//! What a report discloses of each kind of case, and how exactly it states what a trial used.

use super::*;

fn case(name: &str, verdict: Verdict, secret: bool) -> CaseResult {
    let explain = if secret { Explanation::Hidden } else { Explanation::Public };
    let explanation = verdict.is_wrong().then(|| explain(format!("what {name} returned")));
    let detail = if verdict.is_wrong() { "the kind of failure" } else { "" };
    CaseResult { secret, explanation, ..CaseResult::new(name, verdict, detail) }
}

fn record() -> TrialRecord {
    let counterexample = Some("f(0) returned 1, expected 0".to_owned());
    let shrunk = CaseResult { counterexample, ..case("shrunk", Verdict::WrongAnswer, true) };
    TrialRecord {
        agent_sha256: Sha256::of(b"agent"),
        task: "two_sum".parse().unwrap(),
        seed: Some(Seed(1)),
        repetition: 1,
        verdict: Verdict::RuntimeError,
        score: 20.0,
        passed: 1,
        total: 5,
        cases: vec![
            case("example", Verdict::RuntimeError, false),
            case("right", Verdict::Accepted, true),
            case("slow", Verdict::TimeLimit, true),
            case("large", Verdict::MemoryLimit, true),
            shrunk,
        ],
        wall_ms: 1_234,
        cpu_ms: 987,
        peak_memory_bytes: 23_456_789,
        stdout: String::new(),
        stderr: String::new(),
        stdout_truncated: false,
        stderr_truncated: false,
        model: None,
        attempts: vec![Attempt { fault: Some("the daemon is gone".into()) }, Attempt::default()],
        origin: None,
    }
}

#[test]
fn states_of_a_secret_case_only_whether_it_passed() {
    for disclose in [Disclose::None, Disclose::Public] {
        let disclosed = record().disclosed(disclose);
        let secret = |name: &str, passed| DisclosedCase {
            name: name.into(),
            passed,
            verdict: None,
            detail: String::new(),
        };
        let expected = [secret("right", true), secret("slow", false), secret("large", false)];
        assert_eq!(disclosed.cases[1..4], expected, "{disclose:?}");
        for text in [serde_json::to_string(&disclosed).unwrap(), disclosed.failure()] {
            for never in ["TLE", "MLE", "WA", "what slow", "what shrunk", "daemon", "1234"] {
                assert!(!text.contains(never), "{never} with {disclose:?}: {text}");
            }
        }
    }
    let all = record().disclosed(Disclose::All);
    assert_eq!(all.cases[2].verdict, Some(Verdict::TimeLimit));
    assert_eq!(all.cases[2].detail, "what slow returned");
    assert_eq!(all.attempts, record().attempts);
}

#[test]
fn explains_public_cases_and_counterexamples_unless_nothing_is_disclosed() {
    let lines = |disclose| record().disclosed(disclose).failure();
    let head = "two_sum: RE, 1 of 5 cases\n";
    assert_eq!(
        lines(Disclose::Public),
        format!(
            "{head}  RE example: what example returned\n  failed slow and 1 more call\n  failed shrunk: this \
             fails too: f(0) returned 1, expected 0\n"
        )
    );
    assert_eq!(
        lines(Disclose::None),
        format!("{head}  RE example: the kind of failure\n  failed slow and 2 more calls\n")
    );
    assert!(lines(Disclose::All).contains(
        "  WA shrunk: what shrunk returned; this fails too: f(0) returned 1, expected 0\n"
    ));
}

#[test]
fn rounds_what_a_trial_used_unless_everything_is_disclosed() {
    let used = |disclose| {
        let record = record().disclosed(disclose);
        (record.wall_ms, record.cpu_ms, record.peak_memory_bytes)
    };
    assert_eq!(used(Disclose::All), (1_234, 987, 23_456_789));
    assert_eq!(used(Disclose::Public), (2_000, 1_000, 32 << 20));
    assert_eq!(used(Disclose::None), used(Disclose::Public));
    for (exact, rounded) in
        [(0, 10), (10, 10), (11, 20), (20, 20), (21, 50), (51, 100), (50_001, 100_000)]
    {
        assert_eq!(coarse_ms(exact), rounded, "{exact} ms");
    }
    for (exact, rounded) in
        [(0, 8 << 20), (8 << 20, 8 << 20), ((8 << 20) + 1, 16 << 20), (256 << 20, 256 << 20)]
    {
        assert_eq!(coarse_bytes(exact), rounded, "{exact} bytes");
    }
    // No amount is too large, and the promise of the documentation holds: less than 10 bits in a trial.
    assert_eq!((coarse_ms(u64::MAX), coarse_bytes(u64::MAX)), (u64::MAX, u64::MAX));
    let times: std::collections::BTreeSet<_> = (0..=50_000).map(coarse_ms).collect();
    let sizes: std::collections::BTreeSet<_> = (0..=256).map(|m| coarse_bytes(m << 20)).collect();
    assert!(times.len() * times.len() * sizes.len() < 1 << 10, "{times:?} {sizes:?}");
}
