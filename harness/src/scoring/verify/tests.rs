//! Every change of a true report is refused: of each field, wherever it is, and of what the report is made of.

use std::sync::{LazyLock, Mutex};

use jiff::Timestamp;
use platform::api::{AnswerOrigin, Attempt, PreviousRound, PrivateTasks, RANKING_NAMESPACE};
use platform::signing::SigningKey;
use serde_json::json;
use tasks::Seed;
use tasks::benchmark::{BenchmarkProblem, Expected, Format};

use super::*;
use crate::scoring::report::write_evaluation;
use crate::scoring::reward::Payout;
use crate::trial::record::{CaseResult, Disclose, TrialRecord};

mod private;

const SEED: Seed = Seed(3);
const SALT: &str = "ab";
const ID: &str = "20260101T000000Z-00000001";
const IMAGE: &str = "sha256:1f2e";

/// Draws a task once per seed, because the tests verify more than a thousand reports.
fn drawn(id: &TaskId, seed: Seed) -> Option<RoundTask> {
    static DRAWN: Mutex<BTreeMap<(TaskId, u64), RoundTask>> = Mutex::new(BTreeMap::new());
    let task = tasks::find(id.as_str()).or_else(|| private_task(id))?;
    let mut drawn = DRAWN.lock().unwrap();
    let drawn = drawn.entry((id.clone(), seed.0)).or_insert_with(|| RoundTask::new(task, seed));
    Some(drawn.clone())
}

/// The file of the private task.
fn file() -> Sha256 {
    Sha256::of(b"the file")
}

/// The private task, if this is its id.
fn private_task(id: &TaskId) -> Option<Task> {
    let line = r#"{"task_id": "Vault/1", "prompt": "def f(n):\n", "entry_point": "f",
        "canonical_solution": "    return n\n", "base_input": [[1], [2]], "plus_input": [[3], [4]], "atol": 0}"#;
    let id = Some(id.clone()).filter(|id| *id == TaskId::private(&file(), 1))?;
    let problem = BenchmarkProblem::parse(line, Format::EvalPlus).unwrap();
    let expected = (1..=4).map(|n| Expected::Returned(n.into())).collect();
    Some(BenchmarkProblem { id, ..problem }.task(expected))
}

/// Returns whether a field must be empty, because it is of a trial on a private task.
fn is_withheld(report: &Value, place: &str) -> bool {
    let (mut words, name) = (place.split('/'), place.rsplit('/').next());
    let trial = words.nth(1).filter(|list| *list == "trials").and_then(|_| words.next());
    let task = trial.map(|index| &report["trials"][index.parse::<usize>().unwrap()]["task"]);
    let is_private = task.is_some_and(|task| task.as_str().unwrap().starts_with("private_"));
    is_private
        && matches!(
            name,
            Some("stdout" | "stderr" | "stdout_truncated" | "stderr_truncated" | "detail")
        )
}

/// The trial of an agent on a task, of which these cases fail.
fn trial(name: &str, task: &RoundTask, wrong: &std::ops::Range<usize>) -> DisclosedTrial {
    let verdict =
        |index| if wrong.contains(&index) { Verdict::WrongAnswer } else { Verdict::Accepted };
    let case = |(index, case): (usize, &tasks::Case)| {
        let detail = if wrong.contains(&index) { "wrong" } else { "" };
        let secret = !case.public;
        CaseResult { secret, ..CaseResult::new(&case.name, verdict(index), detail) }
    };
    let verdicts: Vec<_> = (0..task.cases.len()).map(verdict).collect();
    let tally = Tally::of_cases(&task.cases, &verdicts);
    let agent_sha256 = Sha256::of(name.as_bytes());
    DisclosedTrial {
        miner_id: name.parse().unwrap(),
        key: Some(
            TrialIdentity {
                agent: &agent_sha256,
                task,
                repetition: 1,
                environment: &Environment::new(IMAGE, None),
            }
            .key(),
        ),
        record: TrialRecord {
            agent_sha256,
            task: task.id().clone(),
            seed: Some(SEED),
            repetition: 1,
            verdict: Verdict::of_cases(verdicts),
            score: tally.score(),
            passed: tally.passed,
            total: tally.total,
            cases: task.cases.iter().enumerate().map(case).collect(),
            wall_ms: 1,
            cpu_ms: 1,
            peak_memory_bytes: 1,
            stdout: "answer".into(),
            stderr: String::new(),
            stdout_truncated: false,
            stderr_truncated: false,
            model: None,
            attempts: vec![Attempt::default()],
            origin: Some(AnswerOrigin {
                prompt_sha256: Sha256::of(task.prompt.as_bytes()),
                environment_sha256: Environment::new(IMAGE, None).digest(),
                answered: true,
                regraded_from: None,
            }),
        }
        .disclosed(Disclose::Public),
    }
}

/// A true report of two agents on two tasks without groups (in a group that fails anyway, the verdict of one more call
/// is evidence that only running it again can check), as `evaluate --json` writes it.
fn report() -> Value {
    report_on(&["reverse_string", "fizz_buzz"].map(|id| id.parse().unwrap()), None)
}

/// The same on these tasks.
fn report_on(ids: &[TaskId], private: Option<PrivateTasks>) -> Value {
    let time = |second: i64| Timestamp::from_second(1_767_225_600 + second).unwrap();
    let tasks: Vec<_> = ids.iter().map(|id| drawn(id, SEED).unwrap()).collect();
    let mut trials = Vec::new();
    let mut contenders = Vec::new();
    for (index, name) in ["a", "b"].into_iter().enumerate() {
        // On the first task public cases fail, on the second one hidden ones.
        let failing = |task: &RoundTask| match task.id().as_str() {
            _ if index == 0 => 0..0,
            "reverse_string" => 0..2,
            _ => task.cases.len() - 2..task.cases.len(),
        };
        let own: Vec<_> = tasks.iter().map(|task| trial(name, task, &failing(task))).collect();
        contenders.push(Contender {
            miner_id: name.parse().unwrap(),
            sha256: Sha256::of(name.as_bytes()),
            program_sha256: Some(Sha256::of(format!("tokens of {name}").as_bytes())),
            uploaded_at: time(-100),
            first_submitted_at: time(-200),
            tasks: own.iter().map(|t| (t.record.task.clone(), t.record.score())).collect(),
        });
        trials.extend(own);
    }
    let (pool, payout) = ("100".parse().unwrap(), Payout::Proportional);
    let commitment = Round::commitment_to(ID, SEED, SALT);
    let rules = RankRules {
        tasks: &tasks.iter().map(|task| ScoredTask::from(&task.task)).collect::<Vec<_>>(),
        repeat: 1,
        commitment: &commitment,
        reward: RewardPolicy { pool, payout, alpha: Alpha::default() },
        history: &GateHistory::default(),
    };
    let RankedRound { rankings, resolution, gate } = rank(contenders, &rules);
    let round = Round {
        id: ID.into(),
        status: RoundStatus::Closed,
        commitment,
        salt: Some(SALT.into()),
        seed: Some(SEED),
        opened_at: time(0),
        listed_at: time(1),
        finished_at: time(2),
        frozen: false,
        partial: true,
        tasks: tasks.iter().map(|task| task.id().clone()).collect(),
        private,
        model: None,
        image: format!("python:3.11-slim@{IMAGE}"),
        isolation: "agent".into(),
        repeat: 1,
        pool_tao: "100".into(),
        payout: "proportional".into(),
        alpha: 0.05,
        screening: None,
        top: None,
        stopped: Vec::new(),
        resolution,
        gate,
        trials: trials.len() as u64,
        faults: vec![],
        trials_sha256: Some(trials_digest(&trials)),
        previous: Some(PreviousRound {
            id: "20250101T000000Z-00000001".into(),
            digest: Sha256::of(b"the round before"),
        }),
    };
    written(&Rankings { round, rankings, signature: None }, trials)
}

fn written(ranked: &Rankings, trials: Vec<DisclosedTrial>) -> Value {
    let mut json = Vec::new();
    write_evaluation(&mut json, ranked, trials.into_iter().map(Ok)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// The same report with a signature.
fn signed() -> Value {
    let report = RoundReport::parse(report().to_string().as_bytes()).unwrap();
    let mut ranked = report.ranked();
    let key = SigningKey::of_seed(&[7; 32]);
    ranked.signature = Some(key.sign(RANKING_NAMESPACE, ranked.statement()));
    written(&ranked, report.trials)
}

/// Returns what is wrong with a report; its form is the first thing.
fn problems(report: &Value) -> Vec<String> {
    static ALL: LazyLock<Vec<TaskId>> =
        LazyLock::new(|| tasks::all().into_iter().map(|task| task.id).collect());
    match RoundReport::parse(report.to_string().as_bytes()) {
        Ok(report) => verify_drawn(&report, &ALL, |id| drawn(id, report.round.seed?)),
        Err(error) => vec![error.to_string()],
    }
}

/// Makes the digests of a changed report right again, as a forger would.
fn forge(report: &mut Value) {
    let mut trials = TrialsDigest::default();
    for trial in report["trials"].as_array().into_iter().flatten() {
        trials.add(trial);
    }
    if let Some(stated) = report.pointer_mut("/round/trials_sha256") {
        *stated = json!(trials.value());
    }
    report["digest"] = json!(digest_of(report));
}

/// Checks that a forged report is refused with words that name what is wrong.
fn check(change: impl FnOnce(&mut Value), words: &str) {
    let mut report = report();
    change(&mut report);
    forge(&mut report);
    let problems = problems(&report);
    assert!(
        problems.iter().any(|problem| problem.contains(words)),
        "'{words}' is not in {problems:?}"
    );
}

fn list<'a>(report: &'a mut Value, name: &str) -> &'a mut Vec<Value> {
    report[name].as_array_mut().unwrap()
}

#[test]
fn accepts_a_true_report() {
    assert_eq!(problems(&report()), Vec::<String>::new());
    assert_eq!(problems(&signed()), Vec::<String>::new());
}

#[test]
fn trials_are_those_that_the_round_was_closed_with() {
    let mut other = report();
    list(&mut other, "trials")[0]["stdout"] = "another answer".into();
    other["digest"] = json!(digest_of(&other));
    assert_eq!(
        problems(&other),
        [format!("the trials are not those that round {ID} was closed with")]
    );
    // In any order.
    let mut other = report();
    list(&mut other, "trials").reverse();
    other["digest"] = json!(digest_of(&other));
    assert_eq!(problems(&other), Vec::<String>::new());
}

#[test]
fn names_what_a_forger_changed() {
    check(|r| drop(list(r, "trials").remove(3)), "b on fizz_buzz: the trial is missing");
    check(
        |r| list(r, "trials")[2]["agent_sha256"] = json!(Sha256::of(b"a")),
        "b on reverse_string: the trial is of agent",
    );
    check(|r| drop(list(r, "rankings").remove(1)), "b on fizz_buzz: the agent is not in the round");
    check(
        |r| {
            let again = list(r, "rankings")[0].clone();
            list(r, "rankings").push(again);
        },
        "'a' is ranked more than once",
    );
    check(
        |r| {
            let first = list(r, "rankings")[0]["agent_sha256"].clone();
            list(r, "rankings")[1]["agent_sha256"] = first;
            list(r, "rankings")[1]["copy_of"] = "a".into();
        },
        "b on fizz_buzz: the trial is of agent",
    );
    check(
        |r| {
            let again = list(r, "trials")[1].clone();
            list(r, "trials").push(again);
        },
        "a on fizz_buzz: there are 2 trials",
    );
    check(|r| list(r, "trials")[2]["passed"] = 1.into(), "do not add up");
    check(|r| list(r, "trials")[2]["score"] = json!(100.0), "is not the score of its cases");
    check(|r| list(r, "trials")[2]["verdict"] = "AC".into(), "is not the verdict of its cases");
    // The first failed case of b on fizz_buzz is secret, so its verdict may be any but accepted.
    check(|r| list(r, "trials")[3]["verdict"] = "AC".into(), "is not the verdict of its cases");
    check(|r| list(r, "trials")[2]["cases"][0]["verdict"] = "AC".into(), "contradicts");
    check(
        |r| drop(list(r, "trials")[2]["cases"][0].as_object_mut().unwrap().remove("verdict")),
        "it is public, but has no verdict",
    );
    check(|r| list(r, "trials")[2]["verdict"] = "TLE".into(), "is not the verdict of its cases");
    check(|r| list(r, "trials")[2]["cases"][0]["name"] = "x".into(), "not those of the task");
    check(|r| list(r, "trials")[2]["seed"] = 9.into(), "not run under the round's seed");
    check(|r| list(r, "trials")[2]["attempts"] = json!([{"fault": "x"}]), "attempts");
    check(|r| r["round"]["image"] = "python:3.11-slim@sha256:2".into(), "its key is not that");
    check(|r| r["round"]["trials"] = 5.into(), "states 5 trials");
    check(
        |r| drop(r["round"].as_object_mut().unwrap().remove("trials_sha256")),
        "a closed round must state the digest of its trials",
    );
    check(|r| r["round"]["previous"]["id"] = ID.into(), "is not an earlier one");
    check(
        |r| r["round"]["previous"]["id"] = "20300101T000000Z-00000001".into(),
        "is not an earlier one",
    );
    check(|r| r["round"]["previous"]["id"] = "../x".into(), "the round before: ");
    check(
        |r| r["round"]["faults"] = json!([{"miner_id": "b", "task": "fizz_buzz", "fault": "x"}]),
        "has a fault and a trial",
    );
    check(
        |r| r["round"]["faults"] = json!([{"miner_id": "b", "task": "fizz_buzz", "fault": "x"}]),
        "'b' is ranked, although",
    );
    check(|r| r["round"]["partial"] = false.into(), "leaves out");
    check(|r| r["round"]["seed"] = 4.into(), "commitment");
    check(|r| r["round"]["pool_tao"] = "99".into(), "rewards sum");
    check(|r| r["round"]["payout"] = "winner-takes-all".into(), "rank 1");
    check(|r| r["round"]["payout"] = "by lot".into(), "not a payout");
    check(|r| r["round"]["isolation"] = "none".into(), "not an isolation");
    check(|r| r["round"]["tasks"] = json!(["fizz_buzz"]), "the task is not in the round");
    check(|r| list(r, "rankings")[1]["score"] = json!(100.0), "rank 2");
    check(|r| list(r, "rankings").swap(0, 1), "rank 2 in place 1");
    check(|r| r["round"]["status"] = "open".into(), "is open");
    check(
        |r| {
            r["round"]["status"] = "open".into();
            r["round"].as_object_mut().unwrap().retain(|name, _| name != "seed" && name != "salt");
        },
        "is open",
    );
}

/// Ranks the agents of a forged report again, as a forger would who leaves no contradiction.
fn rank_again(report: &mut Value) {
    list(report, "rankings").retain(|ranking| ranking["miner_id"] != "b");
    let only = &mut list(report, "rankings")[0];
    only["reward_tao"] = "100".into();
    only["reward_rao"] = 100_000_000_000_u64.into();
}

#[test]
fn refuses_forgeries_without_another_contradiction() {
    // An agent is left out as not judged: with a fault instead of a trial, or of all its trials.
    for (index, trials) in [(3, 1), (2, 2)] {
        check(
            |r| {
                let faults: Vec<_> = list(r, "trials")
                    .drain(index..index + trials)
                    .map(|t| json!({"miner_id": "b", "task": t["task"], "fault": "x"}))
                    .collect();
                r["round"]["faults"] = faults.into();
                rank_again(r);
            },
            "the round is closed, although 'b' on",
        );
    }
    // A copy has another record than its original.
    check(
        |r| {
            let sha256 = list(r, "rankings")[0]["agent_sha256"].clone();
            for index in [0, 1] {
                let key = list(r, "trials")[index]["key"].clone();
                let copy = &mut list(r, "trials")[index + 2];
                copy["agent_sha256"] = sha256.clone();
                copy["key"] = key;
            }
            let copy = &mut list(r, "rankings")[1];
            copy["agent_sha256"] = sha256;
            copy["copy_of"] = "a".into();
            for (index, (tao, rao)) in
                [("100", 100_000_000_000_u64), ("0", 0)].into_iter().enumerate()
            {
                list(r, "rankings")[index]["reward_tao"] = tao.into();
                list(r, "rankings")[index]["reward_rao"] = rao.into();
            }
        },
        "b on fizz_buzz: the record is not that of a, which has the same source",
    );
}

#[test]
fn refuses_a_field_that_is_there_twice() {
    let report = report().to_string();
    for (once, twice) in [
        (r#""miner_id":"a""#, r#""miner_id":"b","miner_id":"a""#),
        (r#""reward_rao":"#, r#""reward_rao":1,"reward_rao":"#),
        (r#""rankings":["#, r#""rankings":[],"rankings":["#),
        (r#""fizz_buzz":{"#, r#""fizz_buzz":{},"fizz_buzz":{"#),
        (r#""fault":null"#, r#""fault":"x","fault":null"#),
    ] {
        let forged = report.replacen(once, twice, 1);
        assert_ne!(forged, report, "{once}");
        let parsed = RoundReport::parse(forged.as_bytes()).map(|_| ());
        let error = parsed.expect_err(twice).to_string();
        assert!(error.contains("more than once"), "{error}");
    }
}

#[test]
fn whole_round_has_all_tasks_that_there_are() {
    let mut whole = report();
    whole["round"].as_object_mut().unwrap().remove("partial");
    forge(&mut whole);
    let whole = RoundReport::parse(whole.to_string().as_bytes()).unwrap();
    let (all, mut more) = (whole.round.tasks.clone(), whole.round.tasks.clone());
    more.push("two_sum".parse().unwrap());
    assert_eq!(verify(&whole, &tasks::all(), &all), Vec::<String>::new());
    let left_out = "the round is not partial, but leaves out 1 tasks";
    assert_eq!(verify(&whole, &tasks::all(), &more), [left_out]);
    let unknown: Vec<_> = all.iter().map(|id| format!("task {id} is unknown")).collect();
    assert_eq!(verify(&whole, &[], &all)[..2], unknown);
}

/// Collects the JSON pointers of all values below `value`.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let at = format!("{at}/{name}");
                found.push(at.clone());
                pointers(field, &at, found);
            }
        }
        Value::Array(items) => {
            // The cases of a trial are alike, and each mutation takes a while.
            let is_left_out =
                |index: &usize| at.ends_with("/cases") && (2..items.len() - 1).contains(index);
            for (index, item) in items.iter().enumerate().filter(|(index, _)| !is_left_out(index)) {
                let at = format!("{at}/{index}");
                found.push(at.clone());
                pointers(item, &at, found);
            }
        }
        _ => {}
    }
}

/// Returns another value of the same type.
fn changed(value: &Value) -> Value {
    match value {
        Value::Null => json!("x"),
        Value::Bool(truth) => json!(!truth),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => json!(whole + 1),
            None => json!(number.as_f64().unwrap() / 2.0 + 1.0),
        },
        Value::String(text) if text.ends_with('Z') => json!("2031-01-01T00:00:00Z"),
        Value::String(text) if text.len() == 64 => json!(Sha256::of(text.as_bytes())),
        Value::String(text) if text == "AC" => json!("WA"),
        // Another kind of failure in a case after the first failed one changes nothing but the case.
        Value::String(text) if text == "WA" => json!("AC"),
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(items) if items.is_empty() => json!([0]),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
    }
}

/// Fields whose values nothing else in a report determines; only the digest protects them.
const FREE: [&str; 11] = [
    "answered",
    "stdout",
    "stderr",
    "wall_ms",
    "cpu_ms",
    "peak_memory_bytes",
    "stdout_truncated",
    "stderr_truncated",
    "detail",
    "finished_at",
    // Only the source can show whose it is.
    "program_sha256",
];

/// Fields of a signed round that its signature does not protect, because what a report discloses of them may differ.
const DISCLOSED: [&str; 4] = ["wall_ms", "cpu_ms", "peak_memory_bytes", "detail"];

/// Which changes of a report a forger can hide who makes its digests right again.
enum Forgery {
    /// Of fields that nothing else in an unsigned report determines
    OfUnsigned,
    /// Of fields that depend on `--disclose`, and of the whole signature
    OfSigned,
}

impl Forgery {
    /// Whether a change (index 0), removal (1) or addition (2) at this place can be hidden.
    fn is_free(&self, place: &str, index: usize) -> bool {
        let name = place.rsplit('/').next().unwrap();
        let linked = place.starts_with("/round/previous");
        match self {
            Self::OfUnsigned if linked => index != 2,
            Self::OfUnsigned => index == 0 && FREE.contains(&name),
            // Without its signature, a report is that of an unsigned round: `--signer` refuses it.
            Self::OfSigned if place == "/signature" => index == 1,
            Self::OfSigned => index == 0 && DISCLOSED.contains(&name),
        }
    }
}

#[test]
fn refuses_every_change_of_every_field() {
    check_every_change(&report(), &Forgery::OfUnsigned);
}

#[test]
fn refuses_every_change_of_every_field_of_a_signed_report() {
    check_every_change(&signed(), &Forgery::OfSigned);
}

fn check_every_change(report: &Value, forgery: &Forgery) {
    let mut places = Vec::new();
    pointers(report, "", &mut places);
    let mut mutations = 0;
    for place in places.iter().filter(|place| *place != "/digest") {
        let (parent, name) = place.rsplit_once('/').unwrap();
        let change = |report: &mut Value| {
            let value = report.pointer_mut(place).unwrap();
            *value = changed(value);
        };
        let remove = |report: &mut Value| match report.pointer_mut(parent).unwrap() {
            Value::Object(fields) => drop(fields.remove(name)),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => unreachable!(),
        };
        let repeat = |report: &mut Value| {
            if let Value::Array(items) = report.pointer_mut(parent).unwrap() {
                items.push(items[name.parse::<usize>().unwrap()].clone());
            } else {
                report.pointer_mut(parent).unwrap()["unknown"] = json!(1);
            }
        };
        let mutants: [&dyn Fn(&mut Value); 3] = [&change, &remove, &repeat];
        for (index, mutate) in mutants.iter().enumerate() {
            let mut mutant = report.clone();
            mutate(&mut mutant);
            if mutant == *report {
                continue;
            }
            mutations += 1;
            assert_ne!(
                problems(&mutant),
                Vec::<String>::new(),
                "mutation {index} of {place} was accepted"
            );
            let free =
                forgery.is_free(place, index) || index == 0 && place == "/round/private/name";
            if !free || is_withheld(report, place) {
                forge(&mut mutant);
                // A digest that was changed is right again.
                if mutant == *report {
                    continue;
                }
                assert_ne!(
                    problems(&mutant),
                    Vec::<String>::new(),
                    "forged mutation {index} of {place} was accepted"
                );
            }
        }
    }
    assert!(mutations >= 200, "only {mutations} mutations");
}
