//! A validator of a platform elsewhere: it pulls tasks and agents, and puts the rankings back.

mod common;

use common::{REVERSER, command, json, store};
use platform::client::Client;
use platform::server::{Settings, serve};
use tokio::net::TcpListener;

const TOKEN: &str = "the-validator-and-nobody-else";

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_a_remote_platform_ends_in_its_rankings() {
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

    let refused = evaluate("somebody else").await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(store.rankings().unwrap().is_none());

    let output = evaluate(TOKEN).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(json(&output)["rankings"][0]["miner_id"], "alice");
    let published = Client::new(&url).unwrap().rankings().await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&published.rankings).unwrap(), json(&output)["rankings"]);

    // Results stay with the validator: the next round of the same agents is a look-up.
    assert!(!String::from_utf8_lossy(&output.stderr).contains("damaged"), "{output:?}");
    std::fs::write(theirs.path().join("agents/carol.json"), "{").unwrap();
    let output = evaluate(TOKEN).await;
    assert_eq!(json(&output)["round"]["cached"], 2);
    // Whoever is left out of a round is not left out in silence.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("1 of the platform's agents cannot be evaluated"), "{said}");
    drop(stop);
    server.await.unwrap().unwrap();
}
