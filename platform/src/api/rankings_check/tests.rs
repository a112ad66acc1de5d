//! Each contradiction in a ranking is named.

use serde_json::{Value, json};

use super::*;

/// A consistent ranking of three agents, of which one is a copy.
fn ranking() -> Value {
    let task = |passed: u32| {
        let verdict = if passed == 4 { "AC" } else { "WA" };
        json!({"two_sum": {"verdict": verdict, "score": passed * 25, "passed": passed, "total": 4}})
    };
    let place = |rank: u32,
                 name: &str,
                 source: &str,
                 passed: u32,
                 rao: u64,
                 copy_of: Option<&str>| {
        json!({
            "rank": rank, "miner_id": name, "agent_sha256": tasks::Sha256::of(source.as_bytes()),
            "score": passed * 25, "reward_rao": rao, "reward_tao": Rao(rao).to_string(),
            "tasks": task(passed), "families": {"algorithms": passed * 25},
            "uploaded_at": "2026-01-01T00:00:00Z",
            "first_submitted_at": "2026-01-01T00:00:00Z",
            "copy_of": copy_of, "group": "a", "p_above": (rank > 1).then_some(1.0),
        })
    };
    let id = "20260101T120000Z-00000001";
    json!({
        "round": {
            "id": id, "status": "closed", "seed": 7, "salt": "ab",
            "commitment": Round::commitment_to(id, tasks::Seed(7), "ab"),
            "opened_at": "2026-01-01T12:00:00Z", "listed_at": "2026-01-01T12:00:01Z",
            "finished_at": "2026-01-01T12:00:02Z", "tasks": ["two_sum"], "image": "python@sha256:0",
            "isolation": "agent", "pool_tao": "1", "payout": "proportional", "alpha": 0.05, "trials": 3,
            "faults": [],
            "trials_sha256": tasks::Sha256::of(b"trials"),
        },
        "rankings": [
            place(1, "a", "x", 4, 666_666_667, None),
            place(2, "b", "x", 4, 0, Some("a")),
            place(3, "c", "y", 2, 333_333_333, None),
        ],
    })
}

fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut value = ranking();
    change(&mut value);
    serde_json::from_value::<Rankings>(value).expect("a ranking's form").check()
}

fn check(change: impl FnOnce(&mut Value), words: &str) {
    let problems = problems(change);
    assert!(
        problems.iter().any(|problem| problem.contains(words)),
        "'{words}' is not in {problems:?}"
    );
}

#[test]
fn costs_belong_to_a_model_and_add_up() {
    let priced = |ranking: &mut Value, sum: u64| {
        ranking["round"]["model"] = json!("ollama:m@0");
        for place in ranking["rankings"].as_array_mut().unwrap() {
            place["cost_micro_usd"] = json!(sum);
            place["tasks"]["two_sum"]["cost_micro_usd"] = json!(7);
        }
    };
    assert_eq!(problems(|r| priced(r, 7)), Vec::<String>::new());
    check(|r| priced(r, 8), "is not the sum of the costs");
    check(|r| r["round"]["model"] = json!("ollama:m@0"), "must have a cost on each task");
    check(|r| r["rankings"][0]["cost_micro_usd"] = json!(0), "is not the sum of the costs");
}

/// The same ranking with a private task, of which every second case passes.
fn add_private(ranking: &mut Value) {
    let file = tasks::Sha256::of(b"file");
    let id = tasks::TaskId::private(&file, 1).to_string();
    ranking["round"]["private"] = json!({"name": "set", "tasks": 1, "sha256": file});
    ranking["round"]["tasks"].as_array_mut().unwrap().push(json!(id));
    ranking["round"]["trials"] = json!(6);
    for place in ranking["rankings"].as_array_mut().unwrap() {
        let public = place["score"].as_f64().unwrap();
        place["tasks"][&id] = json!({"verdict": "WA", "score": 50.0, "passed": 2, "total": 4});
        place["score"] = json!(f64::midpoint(public, 50.0));
        place["public_score"] = json!(public);
        place["private_score"] = json!(50.0);
    }
}

#[test]
fn public_and_private_scores_follow_from_the_tasks() {
    assert_eq!(problems(add_private), Vec::<String>::new());
    let check = |change: fn(&mut Value), words: &str| {
        check(
            |ranking| {
                add_private(ranking);
                change(ranking);
            },
            words,
        );
    };
    check(|v| v["rankings"][0]["private_score"] = json!(50.02), "private score of 'a'");
    check(|v| v["rankings"][0]["public_score"] = json!(70.0), "between its public and its private");
    check(|v| v["rankings"][0]["public_score"] = json!(1e9), "between its public and its private");
    check(|v| v["rankings"][1]["public_score"] = Value::Null, "'b' must have a public and");
    check(|v| v["round"]["private"] = Value::Null, "states no private tasks");
    check(|v| v["round"]["private"] = Value::Null, "'a' must have a public and");
    check(|v| v["round"]["private"]["tasks"] = json!(2), "but its tasks have 1");
    check(|v| v["round"]["private"]["name"] = "<b>".into(), "cannot name private tasks");
    check(
        |v| v["round"]["private"]["sha256"] = json!(tasks::Sha256::of(b"other")),
        "is not a private task of the file",
    );
    check(
        |v| {
            let id = v["round"]["tasks"][1].clone();
            v["round"]["faults"] = json!([{"miner_id": "d", "task": id, "fault": "the prompt"}]);
        },
        "its text may quote a private task",
    );
}

#[test]
fn accepts_a_consistent_ranking() {
    assert_eq!(problems(|_| ()), Vec::<String>::new());
}

#[test]
fn names_each_contradiction() {
    check(|v| v["round"]["id"] = "x".repeat(3000).into(), "not the id of a round");
    check(|v| v["round"]["id"] = "a b".into(), "not the id of a round");
    check(|v| v["round"]["opened_at"] = "2026-01-01T11:59:59Z".into(), "opening time");
    check(|v| v["round"]["status"] = "open".into(), "must not reveal");
    check(|v| v["round"]["salt"] = Value::Null, "must reveal");
    check(|v| v["round"]["seed"] = 8.into(), "commitment");
    check(|v| v["round"]["opened_at"] = "2027-01-01T00:00:00Z".into(), "times");
    check(|v| v["round"]["tasks"] = json!([]), "no tasks");
    check(|v| v["round"]["tasks"] = json!(["two_sum", "two_sum"]), "more than once");
    check(|v| v["round"]["trials"] = 4.into(), "states 4 trials");
    check(|v| v["round"]["pool_tao"] = "2".into(), "instead of 2000000000");
    check(|v| v["round"]["pool_tao"] = "1.0".into(), "must be written '1'");
    check(|v| v["rankings"][0]["score"] = json!(1e308), "'a' is not a number");
    check(|v| v["rankings"][2]["score"] = json!(33.333), "'c' is not a number");
    check(|v| v["rankings"][1]["miner_id"] = "a".into(), "ranked more than once");
    check(|v| v["rankings"][1]["rank"] = 1.into(), "rank 1 in place 2");
    check(|v| v["rankings"][2]["tasks"]["two_sum"]["passed"] = 5.into(), "'c' on two_sum");
    check(|v| v["rankings"][0]["tasks"]["two_sum"]["verdict"] = "WA".into(), "'a' on two_sum");
    check(|v| v["round"]["repeat"] = json!(2), "'a' on two_sum");
    check(|v| v["round"]["repeat"] = json!(101), "`repeat` must be");
    check(|v| v["round"]["alpha"] = json!(1.5), "`alpha`");
    check(|v| v["rankings"][0]["interval"] = json!({"low": 9, "high": 8}), "interval of 'a'");
    check(|v| v["rankings"][1]["p_above"] = json!(1.5), "`p_above` of 'b'");
    check(|v| v["rankings"][0]["p_above"] = json!(0.5), "`p_above` of 'a'");
    check(|v| v["rankings"][2]["group"] = "<b>".into(), "group of 'c'");
    check(|v| v["round"]["gate"] = json!({"holder": "c"}), "is not the agent that is paid");
    let earlier = |scores: Value| json!({"holder": "a", "earlier": [scores]});
    let scores = json!({"round": "r", "agents": {"a": {"two_sum": 101}}});
    check(|v| v["round"]["gate"] = earlier(scores), "an earlier score");
    let scores = json!({"round": "a b", "agents": {}});
    check(|v| v["round"]["gate"] = earlier(scores), "not the id of a round");
    check(|v| v["rankings"][0]["tasks"] = json!({}), "not those of the round");
    check(|v| v["rankings"][0]["reward_rao"] = 1.into(), "TAO and in rao differ");
    check(|v| v["rankings"][1]["copy_of"] = Value::Null, "copy of no agent");
    let tokens = |v: &mut Value, digits: [char; 3]| {
        for (index, digit) in digits.into_iter().enumerate() {
            v["rankings"][index]["program_sha256"] = String::from(digit).repeat(64).into();
        }
    };
    assert_eq!(problems(|v| tokens(v, ['1', '1', '2'])), [""; 0]);
    check(|v| tokens(v, ['1', '1', '1']), "'c' is listed as a copy of no agent");
    check(|v| tokens(v, ['1', '2', '3']), "'b' is listed as a copy of 'a'");
    check(|v| tokens(v, ['1', '2', '3']), "are the same file and have different digests");
    check(
        |v| {
            tokens(v, ['1', '1', '2']);
            v["rankings"][2].as_object_mut().unwrap().remove("program_sha256");
        },
        "some agents have a digest of their program and others have none",
    );
    check(|v| v["rankings"][2]["copy_of"] = "a".into(), "'c' is listed as a copy of 'a'");
    check(|v| v["rankings"][0]["uploaded_at"] = "2026-02-01T00:00:00Z".into(), "upload times");
    check(
        |v| {
            v["round"]["faults"] = json!([{"miner_id": "a", "task": "two_sum", "fault": "none"}]);
        },
        "ended in a fault",
    );
    // An agent that is left out as not judged, which nothing else contradicts.
    check(
        |v| {
            v["rankings"].as_array_mut().unwrap().pop();
            v["rankings"][0]["reward_rao"] = 1_000_000_000.into();
            v["rankings"][0]["reward_tao"] = "1".into();
            v["round"]["faults"] = json!([{"miner_id": "c", "task": "two_sum", "fault": "none"}]);
        },
        "the round is closed, although 'c' on two_sum is not judged",
    );
    check(|v| v["rankings"].as_array_mut().unwrap().swap(0, 2), "lower score");
}
