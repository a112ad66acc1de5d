//! `PUT /results` accepts what agrees with the published ranking and discloses nothing secret, and
//! `GET /agents/{miner_id}/results` shows it to the owner and the validator only.

use platform::api::{AgentResults, MAX_PUBLISHED_OUTPUT_BYTES, Rankings, RoundStatus};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tasks::Sha256;

use crate::support::{TestServer, VALIDATOR, check_problem, rankings};

/// A server with a published ranking in which `me` passes one of two cases of one task.
struct PublishedRound {
    server: TestServer,
    token: String,
    sha256: Sha256,
    ranking: Rankings,
}

impl PublishedRound {
    async fn start(status: RoundStatus) -> Self {
        let server = TestServer::start().await;
        let me = "me".parse().unwrap();
        let receipt = server.client.upload(&me, "print(1)\n", None).await.unwrap();
        let mut ranking = serde_json::to_value(rankings("one", "me")).unwrap();
        let place = &mut ranking["rankings"][0];
        place["agent_sha256"] = json!(receipt.sha256);
        place["score"] = json!(50.0);
        place["tasks"]["reverse_string"] =
            json!({"verdict": "WA", "score": 50.0, "passed": 1, "total": 2});
        if status == RoundStatus::Open {
            ranking["round"]["status"] = "open".into();
            let round = ranking["round"].as_object_mut().unwrap();
            round.retain(|name, _| !["seed", "salt", "trials_sha256"].contains(&name.as_str()));
        }
        let ranking: Rankings = serde_json::from_value(ranking).unwrap();
        server.store.put_rankings(&ranking).unwrap();
        let (token, sha256) = (receipt.token.unwrap(), receipt.sha256);
        Self { server, token, sha256, ranking }
    }

    /// The results that agree with the ranking.
    fn results(&self) -> Value {
        json!({
            "round": self.ranking.round.id, "miner_id": "me", "agent_sha256": self.sha256, "faults": [],
            "trials": [{
                "miner_id": "me", "agent_sha256": self.sha256, "task": "reverse_string", "verdict": "WA",
                "score": 50.0, "passed": 1, "total": 2, "wall_ms": 10, "cpu_ms": 10,
                "peak_memory_bytes": 8 << 20, "stdout": "answer", "stderr": "Traceback\n  boom",
                "stdout_truncated": false, "stderr_truncated": false, "attempts": [{"fault": null}],
                "cases": [
                    {"name": "example_1", "passed": false, "verdict": "WA", "detail": "returned 1, expected 2"},
                    {"name": "hidden_1", "passed": true, "detail": ""},
                ],
            }],
        })
    }

    async fn put(&self, results: &Value) -> Response {
        let request = self.server.request(Method::PUT, "/results").bearer_auth(VALIDATOR);
        request.json(results).send().await.unwrap()
    }

    async fn get(&self, query: &str, token: Option<&str>) -> Response {
        let request = self.server.request(Method::GET, &format!("/agents/me/results{query}"));
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn results_are_shown_to_owner_and_validator_only() {
    let round = PublishedRound::start(RoundStatus::Closed).await;
    let owner = Some(round.token.as_str());
    check_problem(round.get("", owner).await, 404, "no results of 'me' are published").await;
    let results = round.results();
    assert_eq!(round.put(&results).await.status(), 204);
    for token in [&*round.token, VALIDATOR] {
        let answer = round.get("", Some(token)).await;
        assert_eq!(answer.headers()["cache-control"], "private, no-store");
        assert_eq!(answer.json::<Value>().await.unwrap(), results);
    }
    let me = "me".parse().unwrap();
    let typed = round.server.client.results(&me, &round.token).await.unwrap();
    assert_eq!(typed.trials[0].record.failed_cases()[0].detail, "returned 1, expected 2");
    let query = format!("?round={}", round.ranking.round.id);
    assert_eq!(round.get(&query, owner).await.status(), 200);
    check_problem(round.get("?round=20270101T000000Z-0", owner).await, 404, "no results").await;
    check_problem(round.get("?round=..%2Fx", owner).await, 404, "no results").await;
    check_problem(round.get("", None).await, 401, "requires the token of 'me'").await;
    let other = round.server.client.upload(&"you".parse().unwrap(), "print(2)\n", None).await;
    let other = other.unwrap().token.unwrap();
    check_problem(round.get("", Some(&other)).await, 401, "neither the token of 'me'").await;
    // Publishing takes the validator's token.
    let request = round.server.request(Method::PUT, "/results").bearer_auth(&round.token);
    let refused = request.json(&results).send().await.unwrap();
    check_problem(refused, 401, "not the validator token").await;
}

#[tokio::test]
async fn results_that_contradict_the_ranking_are_refused() {
    let round = PublishedRound::start(RoundStatus::Closed).await;
    let check = async |change: fn(&mut Value), words: &str| {
        let mut results = round.results();
        change(&mut results);
        check_problem(round.put(&results).await, 422, words).await;
    };
    check(|r| r["round"] = "20260110T000000Z-two".into(), "publish it first").await;
    check(|r| r["round"] = "../x".into(), "is not the id of a round").await;
    check(|r| r["miner_id"] = "you".into(), "'you' is not in the ranking").await;
    check(|r| r["agent_sha256"] = json!(Sha256::of(b"")), "are of the version").await;
    check(|r| r["trials"][0]["miner_id"] = "you".into(), "is of another agent").await;
    check(|r| r["trials"][0]["task"] = "two_sum".into(), "the round has no trial two_sum").await;
    check(|r| r["trials"][0]["repetition"] = 2.into(), "no trial reverse_string #2").await;
    check(|r| r["trials"] = json!([]), "are not those of the ranking").await;
    check(|r| r["trials"][0]["passed"] = 2.into(), "are not those of the ranking").await;
    check(|r| r["trials"][0]["verdict"] = "RE".into(), "are not those of the ranking").await;
    check(|r| r["trials"][0]["seed"] = 2.into(), "another seed than the round").await;
    check(
        |r| {
            let again = r["trials"][0].clone();
            r["trials"].as_array_mut().unwrap().push(again);
        },
        "is listed twice",
    )
    .await;
    check(
        |r| r["faults"] = json!([{"miner_id": "me", "task": "reverse_string", "fault": "x"}]),
        "the faults of 'me' are not those",
    )
    .await;
    check(
        |r| r["trials"][0]["stderr"] = "x".repeat(MAX_PUBLISHED_OUTPUT_BYTES + 1).into(),
        "is longer than 8192 bytes",
    )
    .await;
    assert_eq!(round.server.store.latest_trials(&"me".parse().unwrap()).unwrap(), None);
}

/// A guess of the secret seed could be tested against a key or the digest of a prompt.
#[tokio::test]
async fn results_of_an_open_round_reveal_nothing_of_its_seed() {
    let round = PublishedRound::start(RoundStatus::Open).await;
    for (name, value) in [
        ("key", json!(Sha256::of(b"key"))),
        ("seed", json!(1)),
        (
            "origin",
            json!({
                "prompt_sha256": Sha256::of(b""), "environment_sha256": Sha256::of(b""), "answered": true,
            }),
        ),
    ] {
        let mut results = round.results();
        results["trials"][0][name] = value;
        check_problem(round.put(&results).await, 422, "and the round is open").await;
    }
    assert_eq!(round.put(&round.results()).await.status(), 204);
}

/// Of private tasks, nothing but which cases passed is published.
#[test]
fn results_of_private_tasks_have_to_be_withheld() {
    let mut ranking = rankings("one", "me");
    let private = tasks::TaskId::private(&Sha256::of(b"file"), 1);
    ranking.round.tasks = vec![private.clone()];
    let place = &mut ranking.rankings[0];
    let score = place.tasks.pop_first().unwrap().1;
    place.tasks.insert(private.clone(), score);
    let results = |stderr: &str| -> AgentResults {
        serde_json::from_value(json!({
            "round": ranking.round.id, "miner_id": "me", "agent_sha256": "0".repeat(64), "faults": [],
            "trials": [{
                "miner_id": "me", "agent_sha256": "0".repeat(64), "task": private, "verdict": "AC", "score": 100.0,
                "passed": 1, "total": 1, "wall_ms": 10, "cpu_ms": 10, "peak_memory_bytes": 8 << 20, "stdout": "",
                "stderr": stderr, "stdout_truncated": false, "stderr_truncated": false,
                "attempts": [{"fault": null}], "cases": [{"name": "hidden_1", "passed": true, "detail": ""}],
            }],
        }))
        .unwrap()
    };
    assert_eq!(results("").check(&ranking), Ok(()));
    let refused = results("the prompt says").check(&ranking).unwrap_err();
    assert!(refused.contains("more than may be known of a private task"), "{refused}");
}
