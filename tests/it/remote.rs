//! A validator of a remote platform: it fetches tasks and agents, and publishes the rankings.

use crate::support::{REVERSER, command, json, store};
use platform::client::Client;
use platform::server::{Settings, serve};
use tokio::net::TcpListener;

const TOKEN: &str = "the-validator-token";

#[tokio::test(flavor = "multi_thread")]
async fn remote_round_is_published_on_its_platform() {
    let (theirs, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store(theirs.path(), &[("alice", REVERSER), ("bob", "pass\n")]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings { validator_token: Some(TOKEN.to_owned()), ..Settings::default() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let server = tokio::spawn(serve(listener, store.clone(), settings, shutdown));

    let token = ours.path().join("token");
    let evaluate = async |text: &str| {
        std::fs::write(&token, text).unwrap();
        let (token, ours) = (token.to_str().unwrap(), ours.path().join("store"));
        let place = ["--platform", &url, "--store", ours.to_str().unwrap()];
        let round = ["evaluate", "--task", "reverse_string", "--seed", "5", "--json"];
        let all = [&round[..], &place, &["--validator-token-file", token]].concat();
        let mut command = command(&all);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };

    let refused = evaluate("another token").await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(store.rankings().unwrap().is_none());

    let output = evaluate(TOKEN).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(json(&output)["rankings"][0]["miner_id"], "alice");
    let published = Client::new(&url).unwrap().rankings().await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&published.rankings).unwrap(), json(&output)["rankings"]);

    // Results stay in the validator's store: the next round of the same agents runs nothing.
    assert!(!String::from_utf8_lossy(&output.stderr).contains("damaged"), "{output:?}");
    std::fs::write(theirs.path().join("agents/carol.json"), "{").unwrap();
    let output = evaluate(TOKEN).await;
    assert_eq!(json(&output)["round"]["cached"], 2);
    // An agent that is left out is reported.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("1 of the platform's agents cannot be evaluated"), "{said}");
    drop(stop);
    server.await.unwrap().unwrap();
}
