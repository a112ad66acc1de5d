//! A validator of a remote platform: it fetches tasks and agents, and publishes the rankings.

use crate::signatures::make_key;
use crate::support::{REVERSER, command, json, stderr, store};
use platform::api::{ProgressState, RoundStatus};
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
    let run_in = async |store: &str, text: &str, more: &[&str]| {
        std::fs::write(&token, text).unwrap();
        let (token, ours) = (token.to_str().unwrap(), ours.path().join(store));
        let place = ["--platform", &url, "--store", ours.to_str().unwrap()];
        let round = ["evaluate", "--task", "reverse_string", "--json"];
        let all = [&round[..], &place, &["--validator-token-file", token], more].concat();
        let mut command = command(&all);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };

    let run = async |text: &str, more: &[&str]| run_in("store", text, more).await;
    let evaluate = async |text: &str| run(text, &["--publish-partial"]).await;

    // A wrong token is refused once, before anything else happens.
    let refused = evaluate("another token").await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("--validator-token-file"), "{said}");
    assert!(!ours.path().join("store").exists());

    // A partial round is published nowhere unless that is asked for.
    let output = run(TOKEN, &[]).await;
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("published rankings unchanged"), "{said}");
    assert!(store.rankings().unwrap().is_none());
    assert!(!ours.path().join("store/rankings.json").exists());

    let output = evaluate(TOKEN).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(json(&output)["rankings"][0]["miner_id"], "alice");
    let published = Client::new(&url).unwrap().rankings().await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&published.rankings).unwrap(), json(&output)["rankings"]);

    // What everyone can read does not hold the seed.
    let public = reqwest::get(format!("{url}/rankings")).await.unwrap().text().await.unwrap();
    assert!(!public.contains("seed") && !public.contains("salt"), "{public}");

    // The miner reads there why the agent has its score, and a reader how far the round has come.
    let alice = "alice".parse().unwrap();
    let results = Client::new(&url).unwrap().results(&alice, TOKEN).await.unwrap();
    assert_eq!((&*results.round, results.trials.len()), (&*published.round.id, 1));
    assert_eq!((&results.trials[0].key, results.trials[0].record.seed), (&None, None));
    let progress = store.progress().unwrap().expect("the validator sent it");
    assert_eq!((&progress.round, progress.state), (&published.round.id, ProgressState::Finished));
    assert_eq!((progress.trials_done, progress.agents_done), (2, 2));

    // Records stay in the validator's store: the same agents are not run again in this round.
    let records = || std::fs::read_dir(ours.path().join("store/results")).unwrap().count();
    let kept = records();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("damaged"), "{output:?}");
    std::fs::write(theirs.path().join("agents/carol.json"), "{").unwrap();
    let output = evaluate(TOKEN).await;
    assert_eq!(records(), kept);
    // An agent that is left out is reported.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("1 of the platform's agents cannot be evaluated"), "{said}");

    // Closing the round reveals its seed on the platform.
    let key = make_key(ours.path(), "key", &["-t", "ed25519", "-N", ""]);
    let close = ["--publish-partial", "--close", "--sign-key", key.to_str().unwrap()];
    let output = run(TOKEN, &close).await;
    assert!(output.status.success(), "{output:?}");
    let published = Client::new(&url).unwrap().rankings().await.unwrap().unwrap();
    assert_eq!(published.round.status, RoundStatus::Closed);
    assert_eq!(serde_json::to_value(&published.round).unwrap(), json(&output)["round"]);
    let results = Client::new(&url).unwrap().results(&alice, TOKEN).await.unwrap();
    assert_eq!(results.trials[0].record.seed, published.round.seed);
    let signature = published.signature.as_ref().expect("it is signed");
    assert_eq!(serde_json::to_value(signature).unwrap(), json(&output)["signature"]);

    // The next round names it, also from a store that has no rounds yet.
    let output = run_in("new", TOKEN, &close).await;
    assert!(output.status.success(), "{output:?}");
    let link = serde_json::to_value(published.link()).unwrap();
    assert_eq!(json(&output)["round"]["previous"], link);
    // The first store does not have that round, so its own next one would be left out of the chain.
    let refused = run(TOKEN, &close).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = stderr(&refused);
    assert!(said.contains("broken chain: the latest closed round of"), "{said}");
    assert!(!ours.path().join("store/round.json").exists());
    drop(stop);
    server.await.unwrap().unwrap();
}
