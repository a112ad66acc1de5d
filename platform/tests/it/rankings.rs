//! `PUT /rankings` accepts consistent rankings of all that there is, and nothing else.

use jiff::{Timestamp, ToSpan as _};
use platform::api::{
    PreviousRound, RANKING_NAMESPACE, Ranking, RankingShape, Rankings, Receipt, Round,
    ScoreInterval, SignedReceipt, USUAL_MAX_DOCUMENT_BYTES,
};
use platform::server::Settings;
use platform::signing::SigningKey;
use platform::similarity::program_sha256;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tasks::{Family, Seed, Sha256};

use crate::support::{TestServer, VALIDATOR, check_problem};

const SALT: &str = "5a17";

/// A closed round of two agents on all tasks, opened this many minutes ago.
fn whole(minutes_ago: i64) -> Value {
    let time = |minutes: i64| Timestamp::now() - minutes.minutes();
    let opened_at = time(minutes_ago).round(jiff::Unit::Second).unwrap();
    let id = format!("{}00000001", Round::id_prefix(opened_at));
    let tasks: Vec<_> = tasks::all().into_iter().map(|task| task.id).collect();
    let place = |rank: u32, name: &str| {
        let score = json!({"verdict": "AC", "score": 100.0, "passed": 4, "total": 4});
        let scores: serde_json::Map<_, _> =
            tasks.iter().map(|task| (task.to_string(), score.clone())).collect();
        let mut place = json!({
            "rank": rank, "group": "a", "miner_id": name, "agent_sha256": Sha256::of(name.as_bytes()), "score": 100.0,
            "reward_tao": "50", "reward_rao": 50_000_000_000_u64, "tasks": scores, "families": {},
            "uploaded_at": "2026-01-01T00:00:00Z", "first_submitted_at": "2026-01-01T00:00:00Z",
            "copy_of": null,
        });
        if rank > 1 {
            place["p_above"] = json!(1.0);
        }
        place
    };
    json!({
        "round": {
            "commitment": Round::commitment_to(&id, Seed(7), SALT),
            "id": id, "status": "closed", "seed": 7, "salt": SALT,
            "opened_at": opened_at, "listed_at": opened_at, "finished_at": opened_at, "tasks": tasks,
            "image": "python@sha256:0", "isolation": "agent", "pool_tao": "100",
            "payout": "proportional", "alpha": 0.05, "trials": 2 * tasks.len(), "faults": [],
            "trials_sha256": Sha256::of(b"trials"),
        },
        "rankings": [place(1, "a"), place(2, "b")],
    })
}

/// The standings of the same round while it is open.
fn open(mut rankings: Value) -> Value {
    rankings["round"]["status"] = "open".into();
    rankings["round"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !["seed", "salt", "trials_sha256"].contains(&name.as_str()));
    rankings
}

/// The same round as the next one after `before`.
fn after(before: &Value, mut rankings: Value) -> Value {
    rankings["round"]["previous"] = json!(PreviousRound::of_document(before));
    rankings
}

async fn put(server: &TestServer, query: &str, rankings: &Value) -> Response {
    let request = server.request(Method::PUT, &format!("/rankings{query}"));
    request.bearer_auth(VALIDATOR).json(rankings).send().await.unwrap()
}

#[tokio::test]
async fn refuses_inconsistent_rankings() {
    let server = TestServer::start().await;
    let check = async |change: fn(&mut Value), words: &str| {
        let mut rankings = whole(1);
        change(&mut rankings);
        check_problem(put(&server, "", &rankings).await, 422, words).await;
    };
    check(
        |r| {
            let again = r["rankings"][0].clone();
            r["rankings"][1] = again;
        },
        "'a' is ranked more than once",
    )
    .await;
    check(|r| r["rankings"][0]["score"] = json!(1e308), "not a number from 0 to 100").await;
    check(|r| r["rankings"][1]["score"] = json!(-0.5), "not a number from 0 to 100").await;
    check(|r| r["round"]["id"] = "x".repeat(3_000).into(), "is not the id of a round").await;
    check(|r| r["round"]["id"] = "../x".into(), "is not the id of a round").await;
    check(|r| r["round"]["opened_at"] = "2001-01-01T00:00:00Z".into(), "opening time").await;
    check(
        |r| r["round"]["finished_at"] = json!(Timestamp::now() + 1.hours()),
        "finished in the future",
    )
    .await;
    check(|r| r["round"]["seed"] = 8.into(), "the commitment is not that of").await;
    check(|r| r["round"]["status"] = "open".into(), "must not reveal its seed").await;
    check(|r| r["rankings"][0]["reward_rao"] = 1.into(), "rewards").await;
    check(|r| r["rankings"][0]["rank"] = 3.into(), "rank 3 in place 1").await;
    check(
        |r| r["rankings"][1]["agent_sha256"] = r["rankings"][0]["agent_sha256"].clone(),
        "copy of",
    )
    .await;
    assert_eq!(server.client.rankings().await.unwrap(), None);
}

#[tokio::test]
async fn refuses_a_ranking_that_leaves_out_tasks_or_agents() {
    let server = TestServer::start().await;
    let mut fewer = whole(1);
    let left_out = fewer["round"]["tasks"].as_array_mut().unwrap().remove(0);
    let left_out = left_out.as_str().unwrap();
    for place in 0..2 {
        fewer["rankings"][place]["tasks"].as_object_mut().unwrap().remove(left_out);
    }
    fewer["round"]["trials"] = json!(fewer["round"]["trials"].as_u64().unwrap() - 2);
    let words = format!("task {left_out} is left out");
    check_problem(put(&server, "", &fewer).await, 422, &words).await;
    // The round itself must say that it is partial.
    check_problem(put(&server, "?publish_partial=true", &fewer).await, 422, &words).await;
    fewer["round"]["partial"] = true.into();
    check_problem(put(&server, "", &fewer).await, 422, "?publish_partial=true").await;
    assert_eq!(server.client.rankings().await.unwrap(), None);
    assert_eq!(put(&server, "?publish_partial=true", &fewer).await.status(), 204);

    // An agent that was there when the agents were listed. Clocks may differ by five minutes.
    let server = TestServer::start().await;
    server.upload("carol", "print(1)\n").send().await.unwrap();
    let path = server.store.root().join("agents/carol.json");
    let mut meta: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    meta["uploaded_at"] = json!(Timestamp::now() - 1.hours());
    std::fs::write(&path, meta.to_string()).unwrap();
    check_problem(put(&server, "", &whole(1)).await, 422, "'carol' is left out").await;
    // It was uploaded after an earlier round was opened.
    let earlier = whole(120);
    assert_eq!(put(&server, "", &earlier).await.status(), 204);
    // An agent that could not be judged is not left out.
    let mut faulted = after(&earlier, open(whole(1)));
    faulted["round"]["faults"] = json!([{"miner_id": "carol", "task": "two_sum", "fault": "lost"}]);
    faulted["round"]["trials"] = json!(3 * tasks::all().len());
    assert_eq!(put(&server, "", &faulted).await.status(), 204);
}

#[tokio::test]
async fn closed_round_is_final_and_older_rounds_are_refused() {
    let server = TestServer::start().await;
    let round = whole(10);
    // Standings are replaced until the round closes.
    assert_eq!(put(&server, "", &open(round.clone())).await.status(), 204);
    let text = server.get("/rankings").await.text().await.unwrap();
    assert!(!text.contains("seed") && !text.contains(SALT), "{text}");
    assert_eq!(put(&server, "", &round).await.status(), 204);
    assert_eq!(put(&server, "", &round).await.status(), 204, "repeating it changes nothing");
    let mut changed = round.clone();
    changed["rankings"][0]["uploaded_at"] = "2026-01-02T00:00:00Z".into();
    check_problem(put(&server, "", &changed).await, 409, "is closed: its ranking is final").await;
    check_problem(put(&server, "", &open(round.clone())).await, 409, "is closed").await;
    check_problem(put(&server, "", &whole(20)).await, 409, "opened before the published").await;
    let published = server.client.rankings().await.unwrap();
    assert_eq!(serde_json::to_value(published).unwrap(), round);
    // The next one names it, with its digest.
    let next = whole(1);
    for status in [next.clone(), open(next.clone())] {
        let words = "broken chain: round";
        check_problem(put(&server, "", &status).await, 409, words).await;
        check_problem(put(&server, "", &after(&changed, status)).await, 409, words).await;
    }
    assert_eq!(put(&server, "", &after(&round, next)).await.status(), 204);
}

/// A signature is of the ranking that it comes with, and both are served as they were published.
#[tokio::test]
async fn signature_of_a_ranking_is_checked_and_served() {
    let server = TestServer::start().await;
    let key = SigningKey::of_seed(&[7; 32]);
    let mut round = whole(10);
    let statement =
        |round: &Value| serde_json::from_value::<Rankings>(round.clone()).unwrap().statement();
    round["signature"] = json!(key.sign(RANKING_NAMESPACE, statement(&round)));
    let check = async |change: &dyn Fn(&mut Value), words: &str| {
        let mut rankings = round.clone();
        change(&mut rankings);
        check_problem(put(&server, "", &rankings).await, 422, words).await;
    };
    check(
        &|r| r["rankings"][0]["uploaded_at"] = "2026-01-02T00:00:00Z".into(),
        "of another ranking",
    )
    .await;
    check(&|r| *r = open(r.clone()), "an open round must not be signed").await;
    let other = json!(key.sign("other", statement(&round)));
    check(&|r| r["signature"] = other.clone(), "is not a signature of its statement").await;
    check(&|r| r["signature"]["armor"] = "x".into(), "is not an SSH signature").await;
    check(&|r| r["signature"]["public_key"] = "ssh-rsa AAAA".into(), "not an ed25519 key").await;
    assert_eq!(put(&server, "", &round).await.status(), 204);
    let answer = server.get("/rankings").await;
    assert_eq!(answer.json::<Value>().await.unwrap(), round);
}

/// Receipts of uploads are signed by a platform that has a key.
#[tokio::test]
async fn receipt_of_an_upload_is_signed() {
    let key = SigningKey::of_seed(&[7; 32]);
    let settings = Settings { sign_key: Some(key.clone()), ..Settings::default() };
    let server = TestServer::with(settings).await;
    let answer = server.upload("me", "print(1)\n").send().await.unwrap();
    let first: Receipt = answer.json().await.unwrap();
    let signed = first.signed().expect("the platform has a key");
    assert_eq!(signed.signer(), Ok(key.public()));
    assert_eq!((signed.version, &signed.sha256), (1, &Sha256::of(b"print(1)\n")));
    for change in [
        |r: &mut SignedReceipt| r.version = 2,
        |r: &mut SignedReceipt| r.sha256 = Sha256::of(b""),
        |r: &mut SignedReceipt| r.miner_id = "you".parse().unwrap(),
        |r: &mut SignedReceipt| r.uploaded_at = Timestamp::UNIX_EPOCH,
    ] {
        let mut other = signed.clone();
        change(&mut other);
        assert_eq!(other.signer(), Err("the signature is of another upload".to_owned()));
    }
    let plain = TestServer::start().await;
    let answer = plain.upload("me", "print(1)\n").send().await.unwrap();
    assert_eq!(answer.json::<Receipt>().await.unwrap().signed(), None);
}

#[tokio::test]
async fn refuses_the_digest_of_another_program() {
    let server = TestServer::start().await;
    let mut rankings = whole(1);
    for (at, name) in ["a", "b"].into_iter().enumerate() {
        let source = format!("print('{name}')\n");
        server.upload(name, &source).send().await.unwrap();
        rankings["rankings"][at]["agent_sha256"] = json!(Sha256::of(source.as_bytes()));
    }
    let programs = |names: [&str; 2]| {
        let mut rankings = rankings.clone();
        for (at, name) in names.into_iter().enumerate() {
            let source = format!("print(\"{name}\")  # the same");
            let program = program_sha256(source.as_bytes()).unwrap();
            rankings["rankings"][at]["program_sha256"] = json!(program);
        }
        rankings
    };
    let refused = "is listed with another digest of its program than the platform's";
    check_problem(put(&server, "", &rankings).await, 422, refused).await;
    check_problem(put(&server, "", &programs(["a", "c"])).await, 422, refused).await;
    assert_eq!(put(&server, "", &programs(["a", "b"])).await.status(), 204);
}

/// Of a round whose ranking is too large, the validator hears before it begins.
#[tokio::test(flavor = "multi_thread")]
async fn large_ranking_can_be_published_and_its_size_is_known_before() {
    const AGENTS: u32 = 3_000;
    let server = TestServer::start().await;
    let mut ranking: Rankings = serde_json::from_value(whole(1)).unwrap();
    let second = ranking.rankings[1].clone();
    ranking.rankings[0].reward_rao = 100_000_000_000;
    ranking.rankings[0].reward_tao = "100".to_owned();
    ranking.rankings[0].program_sha256 = Some(Sha256::of(b"the first"));
    ranking.rankings.truncate(1);
    ranking.rankings.extend((2..=AGENTS).map(|rank| {
        let name = format!("{rank:0>64}");
        let sha256 = Sha256::of(name.as_bytes());
        Ranking {
            rank,
            miner_id: name.parse().unwrap(),
            agent_sha256: sha256.clone(),
            program_sha256: Some(sha256),
            reward_rao: 0,
            reward_tao: "0".to_owned(),
            interval: Some(ScoreInterval { low: 99.99, high: 100.0 }),
            p_above: Some(0.123_456_789_012_345_6),
            uploaded_at: "2025-12-31T23:59:59.123456789Z".parse().unwrap(),
            first_submitted_at: "2025-12-31T23:59:59.123456789Z".parse().unwrap(),
            families: Family::ALL.iter().map(|family| (*family, 99.99)).collect(),
            ..second.clone()
        }
    }));
    ranking.round.trials = u64::from(AGENTS) * ranking.round.tasks.len() as u64;
    let bytes = serde_json::to_vec(&ranking).unwrap().len();
    let shape = RankingShape {
        agents: ranking.rankings.len(),
        tasks: &ranking.round.tasks,
        repeat: 1,
        has_model: false,
    };
    let likely = shape.likely_bytes();
    assert!((bytes..bytes + bytes / 4).contains(&likely), "{likely} for {bytes} bytes");
    let at_most =
        |agents| RankingShape { agents, ..shape }.likely_bytes() <= USUAL_MAX_DOCUMENT_BYTES;
    assert!(at_most(10_000) && !at_most(12_000), "{likely} for {AGENTS}");
    server.client.put_rankings(&ranking, VALIDATOR).await.unwrap();
    let last = server.client.ranking_of(&format!("{AGENTS:0>64}").parse().unwrap()).await;
    assert_eq!(last.unwrap().unwrap().rankings[0].rank, AGENTS);
}

#[tokio::test]
async fn part_of_a_ranking_is_one_agent_or_a_page() {
    let server = TestServer::start().await;
    check_problem(server.get("/rankings?miner=a").await, 404, "no round yet").await;
    let round = whole(10);
    assert_eq!(put(&server, "", &round).await.status(), 204);
    let part = async |query: &str| {
        let answer = server.get(&format!("/rankings{query}")).await;
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let part: Value = answer.json().await.unwrap();
        assert_eq!(part["round"], round["round"], "{query}");
        let names =
            part["rankings"].as_array().unwrap().iter().map(|entry| entry["miner_id"].clone());
        (names.collect::<Vec<_>>(), link)
    };
    assert_eq!(part("?miner=b").await, (vec![json!("b")], None));
    assert_eq!(part("?miner=c").await, (vec![], None));
    let next = "<?limit=1&after_rank=1>; rel=\"next\"".to_owned();
    assert_eq!(part("?limit=1").await, (vec![json!("a")], Some(next)));
    assert_eq!(part("?limit=1&after_rank=1").await, (vec![json!("b")], None));
    assert_eq!(part("?after_rank=2").await, (vec![], None));
    check_problem(server.get("/rankings?limit=0").await, 400, "`limit`").await;
    check_problem(server.get("/rankings?miner=A").await, 400, "`miner`").await;
    let found = server.client.ranking_of(&"b".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.rankings[0].rank, 2);
}
