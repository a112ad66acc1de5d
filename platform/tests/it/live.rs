//! The running round on the pages, and as server-sent events.

use jiff::Timestamp;
use platform::api::{ProgressState, RoundProgress};
use reqwest::Method;

use crate::support::{TestServer, check_problem, rankings, rounds};

/// The latest round of [`rounds::put`].
pub const ROUND: &str = "20260103T000000Z-00000001";

/// Progress of that round.
pub fn progress(trials_done: u64, state: ProgressState) -> RoundProgress {
    let now = Timestamp::now();
    RoundProgress {
        round: ROUND.to_owned(),
        started_at: now,
        updated_at: now,
        trials_done,
        trials_total: 40,
        cached: 0,
        faults: 1,
        agents_done: 0,
        agents_total: 5,
        state,
    }
}

#[tokio::test]
async fn pages_show_the_running_round_and_reload_without_a_script() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    server.store.put_progress(&progress(12, ProgressState::Running)).unwrap();
    for path in ["/".to_owned(), format!("/rounds/{ROUND}?format=html")] {
        let text = server.get(&path).await.text().await.unwrap();
        assert!(text.contains("12 of 40 trials, 1 fault"), "{path}: {text}");
        assert!(text.contains(&format!("data-events=\"/rounds/{ROUND}/events\"")), "{path}");
        assert!(
            text.contains("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"),
            "{path}"
        );
    }
    // Another round's page does not.
    let other = server.get("/rounds/20260101T000000Z-00000001?format=html").await;
    assert!(!other.text().await.unwrap().contains("data-events"));
}

#[tokio::test]
async fn events_follow_the_progress_to_its_end() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    let path = format!("/rounds/{ROUND}/events");
    check_problem(server.get(&path).await, 404, "is not being evaluated now").await;
    server.store.put_progress(&progress(12, ProgressState::Running)).unwrap();
    // What was read a moment before is used for half a second.
    let mut response = loop {
        let response = server.get(&path).await;
        if response.status() == 200 {
            break response;
        }
    };
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains("\"trials_done\":12") {
        text.push_str(&String::from_utf8_lossy(&response.chunk().await.unwrap().unwrap()));
    }
    assert!(text.starts_with("event: progress\ndata: {"), "{text}");
    server.store.put_progress(&progress(30, ProgressState::Running)).unwrap();
    while !text.contains("\"trials_done\":30") {
        text.push_str(&String::from_utf8_lossy(&response.chunk().await.unwrap().unwrap()));
    }
    server.store.put_progress(&progress(40, ProgressState::Finished)).unwrap();
    while let Some(chunk) = response.chunk().await.unwrap() {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.ends_with(&format!("event: ended\ndata: {ROUND}\n\n")), "{text}");
}

#[tokio::test]
async fn stopping_server_ends_the_streams() {
    let mut server = TestServer::start().await;
    rounds::put(&server.store);
    server.store.put_progress(&progress(12, ProgressState::Running)).unwrap();
    let mut response = server.get(&format!("/rounds/{ROUND}/events")).await;
    response.chunk().await.unwrap().expect("the first event");
    server.stop();
    while response.chunk().await.unwrap().is_some() {}
    server.stopped().await;
}

#[tokio::test]
async fn rounds_are_listed_in_pages_and_served_in_every_form() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    let first = server.get("/rounds?limit=2").await;
    let link = first.headers()["link"].to_str().unwrap().to_owned();
    assert_eq!(link, "<?before=20260102T000000Z-00000001&limit=2>; rel=\"next\"");
    let listed: serde_json::Value = first.json().await.unwrap();
    assert_eq!((&listed[0]["id"], &listed[0]["best"]), (&ROUND.into(), &"good".into()));
    let last = server.get("/rounds?before=20260102T000000Z-00000001&limit=2").await;
    assert_eq!(last.headers().get("link"), None);
    assert_eq!(last.json::<serde_json::Value>().await.unwrap().as_array().unwrap().len(), 1);

    let path = format!("/rounds/{ROUND}");
    let table =
        server.request(Method::GET, &path).header("accept", "text/csv").send().await.unwrap();
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    let table = table.text().await.unwrap();
    assert!(table.starts_with("rank,miner_id,score,"), "{table}");
    assert_eq!(table.lines().count(), 6);
    let part: serde_json::Value =
        server.get(&format!("{path}?limit=1&after_rank=1")).await.json().await.unwrap();
    assert_eq!(part["rankings"][0]["rank"], 2);
    check_problem(server.get("/rounds/none").await, 404, "no such round").await;
    check_problem(server.get("/rounds?format=csv").await, 400, "expected json or html").await;
}

#[tokio::test]
async fn a_published_round_is_served_whole_and_then_replaced() {
    let server = TestServer::start().await;
    let one = rankings("one", "me");
    server.store.put_rankings(&one).unwrap();
    let tag = server.get("/rankings").await.headers()["etag"].clone();
    let again = server.request(Method::GET, "/rankings").header("if-none-match", tag.clone());
    assert_eq!(again.send().await.unwrap().status(), 304);
    let mut two = rankings("two", "you");
    two.round.previous = server.store.latest_closed(None).unwrap();
    server.store.put_rankings(&two).unwrap();
    let changed = server.request(Method::GET, "/rankings").header("if-none-match", tag);
    assert_eq!(changed.send().await.unwrap().status(), 200);
}
