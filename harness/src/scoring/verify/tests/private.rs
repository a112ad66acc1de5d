//! Reports with private tasks, with and without the definitions of these.

use super::*;

fn private_report() -> Value {
    let ids = ["reverse_string".parse().unwrap(), TaskId::private(&file(), 1)];
    let private = PrivateTasks { name: "set".into(), tasks: 1, sha256: file() };
    report_on(&ids, Some(private))
}

/// Verifies a report whose private tasks have no definitions.
fn problems_without_file(report: &Value) -> Vec<String> {
    let report = RoundReport::parse(report.to_string().as_bytes()).unwrap();
    let definitions = tasks::all();
    assert_eq!(unchecked(&report, &definitions), 1);
    let all: Vec<_> = definitions.iter().map(|task| task.id.clone()).collect();
    verify(&report, &definitions, &all)
}

#[test]
fn accepts_a_true_report_with_and_without_the_file() {
    let report = private_report();
    assert_eq!(problems(&report), Vec::<String>::new());
    assert_eq!(problems_without_file(&report), Vec::<String>::new());
    let trials = &report["trials"];
    assert_eq!((&trials[0]["stdout"], &trials[1]["stdout"]), (&json!("answer"), &json!("")));
    assert_eq!(trials[3]["cases"][3], json!({"name": "plus_2", "passed": false, "detail": ""}));
}

#[test]
fn refuses_every_change_with_the_file() {
    check_every_change(&private_report(), &Forgery::OfUnsigned);
}

#[test]
fn names_what_a_forger_changed_without_the_file() {
    let check = |change: fn(&mut Value), words: &str| {
        let mut report = private_report();
        change(&mut report);
        forge(&mut report);
        let problems = problems_without_file(&report);
        assert!(problems.iter().any(|p| p.contains(words)), "'{words}' is not in {problems:?}");
    };
    check(|r| r["trials"][3]["passed"] = 3.into(), "do not add up");
    check(|r| r["trials"][3]["score"] = json!(75.0), "is not the score of its cases");
    check(|r| r["trials"][3]["verdict"] = "AC".into(), "is not the verdict of its cases");
    check(|r| r["trials"][3]["cases"][3]["passed"] = true.into(), "do not add up");
    check(|r| r["trials"][3]["seed"] = 9.into(), "not run under the round's seed");
    for (field, value) in [("stdout", json!("x")), ("stderr_truncated", json!(true))] {
        let mut report = private_report();
        report["trials"][1][field] = value;
        forge(&mut report);
        let problems = problems_without_file(&report);
        assert!(problems[0].contains("discloses more"), "{field}: {problems:?}");
    }
    check(|r| r["trials"][3]["cases"][3]["detail"] = "x".into(), "discloses more");
    check(|r| r["trials"][3]["cases"][3]["verdict"] = "WA".into(), "discloses more");
    check(|r| r["rankings"][1]["private_score"] = json!(51.0), "the private score of 'b'");
    check(|r| r["rankings"][1]["public_score"] = json!(100.0), "rank 2");
    check(|r| r["rankings"][1]["score"] = json!(99.0), "between its public and its private");
    check(|r| drop(list(r, "trials").remove(3)), "the trial is missing");
    check(|r| r["round"]["private"]["tasks"] = 2.into(), "states 2 private tasks");
    check(|r| r["round"]["private"]["sha256"] = json!(Sha256::of(b"x")), "not a private task of");
}
