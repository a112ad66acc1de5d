//! Where a submission stands, and the progress of the running evaluation.

use jiff::{SignedDuration, Timestamp};
use platform::api::{ProgressState, RoundProgress, SubmissionOutcome};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{TestServer, VALIDATOR, check_problem, rankings};

/// An evaluation of this round, on a machine whose clock is months behind.
fn progress(round: &str) -> RoundProgress {
    RoundProgress {
        round: round.to_owned(),
        started_at: "2026-01-01T12:00:00Z".parse().unwrap(),
        updated_at: "2026-01-01T12:00:10Z".parse().unwrap(),
        trials_done: 3,
        trials_total: 10,
        cached: 1,
        faults: 1,
        agents_done: 1,
        agents_total: 5,
        state: ProgressState::Running,
    }
}

const ROUND: &str = "20260120T000000Z-two";

async fn put(server: &TestServer, round: &str, body: &Value) -> Response {
    let request = server.request(Method::PUT, &format!("/rounds/{round}/progress"));
    request.bearer_auth(VALIDATOR).json(body).send().await.unwrap()
}

#[tokio::test]
async fn status_says_whether_the_current_version_is_judged() {
    let server = TestServer::start().await;
    let me = "me".parse().unwrap();
    check_problem(server.get("/agents/me/status").await, 404, "no agent is stored").await;
    let first = server.client.upload(&me, "print(1)\n", None).await.unwrap();
    let status = server.client.status(&me).await.unwrap();
    assert_eq!((status.queued_since, status.judged_in), (Some(first.uploaded_at), None));
    assert_eq!((status.running, status.next_round_expected_at), (false, None));

    let mut ranking = rankings("one", "me");
    ranking.rankings[0].agent_sha256 = first.sha256.clone();
    server.store.put_rankings(&ranking).unwrap();
    let status = server.client.status(&me).await.unwrap();
    assert_eq!(status.queued_since, None);
    let judged = status.judged_in.unwrap();
    assert_eq!((judged.outcome, judged.rank), (SubmissionOutcome::Ranked, Some(1)));
    assert_eq!((judged.version, judged.score), (Some(1), Some(100.0)));
    assert_eq!((&*judged.round, judged.agents), (&*ranking.round.id, 1));

    // Another version waits, and the rank is that of the earlier one.
    let token = first.token.unwrap();
    let second = server.client.upload(&me, "print(2)\n", Some(&token)).await.unwrap();
    let status = server.client.status(&me).await.unwrap();
    assert_eq!((status.version, status.queued_since), (2, Some(second.uploaded_at)));
    assert_eq!(status.judged_in.unwrap().version, Some(1));

    // The evaluation that runs covers it.
    let running = json!(progress(ROUND));
    assert_eq!(put(&server, ROUND, &running).await.status(), 204);
    assert!(!server.client.status(&me).await.unwrap().running, "it began before the upload");
    let mut later = progress(ROUND);
    later.started_at = later.updated_at;
    assert_eq!(put(&server, ROUND, &json!(later)).await.status(), 204);
    assert!(server.client.status(&me).await.unwrap().running);
    later.state = ProgressState::Finished;
    assert_eq!(put(&server, ROUND, &json!(later)).await.status(), 204);
    assert!(!server.client.status(&me).await.unwrap().running);
}

#[tokio::test]
async fn progress_is_kept_in_the_platforms_time_and_checked() {
    let server = TestServer::start().await;
    let running = progress(ROUND);
    server.client.put_progress(&running, VALIDATOR).await.unwrap();
    let kept = server.store.progress().unwrap().unwrap();
    assert_eq!(kept.state, ProgressState::Running);
    assert_eq!(kept.updated_at.duration_since(kept.started_at), SignedDuration::from_secs(10));
    assert!(Timestamp::now().duration_since(kept.updated_at) < SignedDuration::from_secs(60));
    let check = async |change: fn(&mut Value), words: &str| {
        let mut body = json!(running);
        change(&mut body);
        check_problem(put(&server, ROUND, &body).await, 422, words).await;
    };
    check(|p| p["round"] = "20260120T000000Z-one".into(), "and the body another one").await;
    check(|p| p["trials_done"] = 11.into(), "more trials or agents are done").await;
    check(|p| p["agents_done"] = 6.into(), "more trials or agents are done").await;
    check(|p| p["cached"] = 4.into(), "more trials have a record").await;
    check(|p| p["started_at"] = "2026-01-01T12:00:11Z".into(), "is before").await;
    let body = json!({"round": ".."});
    check_problem(put(&server, "..%2F..", &body).await, 422, "is missing").await;
    let request = server.request(Method::PUT, &format!("/rounds/{ROUND}/progress"));
    check_problem(request.json(&running).send().await.unwrap(), 401, "validator token").await;
}
