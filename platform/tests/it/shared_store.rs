//! Two servers on one store, as processes of their own would use it: each has its own handle, caches and locks.

use std::sync::Barrier;

use platform::api::{MinerId, ProblemKind};
use platform::client::ClientError;
use platform::server::{Quotas, Settings};
use platform::store::Store;
use reqwest::Method;

use crate::support::{TestServer, VALIDATOR, rankings};

/// Two servers on the store in this directory.
async fn pair(directory: &std::path::Path, settings: &Settings) -> [TestServer; 2] {
    let store = || Store::open(directory).unwrap();
    [
        TestServer::on(store(), settings.clone()).await,
        TestServer::on(store(), settings.clone()).await,
    ]
}

fn with_validator() -> Settings {
    Settings { validator_token: Some(VALIDATOR.into()), ..Settings::default() }
}

#[tokio::test]
async fn what_one_server_stores_the_other_serves_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let [a, b] = pair(directory.path(), &with_validator()).await;
    let me: MinerId = "me".parse().unwrap();
    assert_eq!(b.client.agents().await.unwrap().agents, []);
    let token = a.client.upload(&me, "x = 1\n", None).await.unwrap().token.unwrap();
    assert_eq!(b.client.agents().await.unwrap().agents.len(), 1);
    let new = b.client.rotate_token(&me, &token).await.unwrap();
    let refused = a.client.upload(&me, "x = 2\n", Some(&token)).await.unwrap_err();
    assert_eq!(refused.kind(), Some(ProblemKind::TokenWrong));
    assert_eq!(a.client.upload(&me, "x = 2\n", Some(&new)).await.unwrap().version, 2);
    assert_eq!(b.client.agent(&me).await.unwrap().current.version, 2);

    assert_eq!(b.client.rankings().await.unwrap(), None);
    let published = rankings("one", "me");
    a.client.put_rankings(&published, VALIDATOR).await.unwrap();
    assert_eq!(b.client.rankings().await.unwrap(), Some(published));
    // Both give a body the same tag, so that a client may change between them.
    let tag = async |server: &TestServer| server.get("/rankings").await.headers()["etag"].clone();
    let known = tag(&a).await;
    assert_eq!(known, tag(&b).await);
    let request = b.request(Method::GET, "/rankings").header("if-none-match", known);
    assert_eq!(request.send().await.unwrap().status(), 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_servers_gives_an_id_away() {
    let directory = tempfile::tempdir().unwrap();
    let [a, b] = pair(directory.path(), &Settings::default()).await;
    for n in 0..20 {
        let id: MinerId = format!("m{n}").parse().unwrap();
        let (first, second) = tokio::join!(
            a.client.upload(&id, "x = 1\n", None),
            b.client.upload(&id, "x = 2\n", None)
        );
        let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
        assert!(won.unwrap().token.is_some());
        assert_eq!(lost.unwrap_err().kind(), Some(ProblemKind::TokenMissing));
    }
}

/// Two closed rounds that follow the same round would fork the chain.
#[test]
fn one_of_two_servers_publishes_the_next_closed_round() {
    for _ in 0..30 {
        let directory = tempfile::tempdir().unwrap();
        let stores =
            [Store::open(directory.path()).unwrap(), Store::open(directory.path()).unwrap()];
        let start = Barrier::new(2);
        let publish = |store: &Store, name: &str| {
            let round = rankings(name, "me");
            start.wait();
            store.put_rankings(&round).is_ok()
        };
        let published = std::thread::scope(|scope| {
            let first = scope.spawn(|| publish(&stores[0], "one"));
            let second = scope.spawn(|| publish(&stores[1], "two"));
            [first.join().unwrap(), second.join().unwrap()]
        });
        assert!(published[0] != published[1], "{published:?}");
    }
}

/// The guide says so: each server counts what it has seen itself.
#[tokio::test]
async fn quotas_are_counted_per_server() {
    let directory = tempfile::tempdir().unwrap();
    let quotas = Quotas { per_id_hour: 60, per_address_hour: 60, new_ids_hour: 1 };
    let [a, b] =
        pair(directory.path(), &Settings { quotas: Some(quotas), ..Settings::default() }).await;
    let upload = async |server: &TestServer, id: &str| {
        let stored = server.client.upload(&id.parse().unwrap(), "x = 1\n", None).await;
        stored.err().as_ref().and_then(ClientError::kind)
    };
    assert_eq!(upload(&a, "a").await, None);
    assert_eq!(upload(&a, "b").await, Some(ProblemKind::QuotaExceeded));
    assert_eq!(upload(&b, "b").await, None);
    assert_eq!(upload(&b, "c").await, Some(ProblemKind::QuotaExceeded));
}
