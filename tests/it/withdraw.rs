//! `arena withdraw`, and the name and web page that an upload may state.

use crate::support::{REVERSER, TestPlatform};

#[tokio::test(flavor = "multi_thread")]
async fn owner_withdraws_an_agent_and_brings_it_back() {
    let platform = TestPlatform::start().await;
    let file = platform.directory().join("agent.py").display().to_string();
    std::fs::write(&file, REVERSER).unwrap();
    let root = platform.store.root().display().to_string();
    let upload = ["upload", &*file, "--miner", "me"];
    let agents = ["agents", "--store", &*root];
    let status = ["status", "--miner", "me"];
    platform.arena(&upload).await.check(0, &["me uploaded as version 1"]);

    let elsewhere = platform.directory().join("none.json").display().to_string();
    let refused = platform.arena(&["withdraw", "--miner", "me", "--token-file", &elsewhere]).await;
    refused.check(2, &["none.json holds no token of 'me'", "only its owner can withdraw it"]);
    assert!(platform.arena(&agents).await.stdout.starts_with("me "));

    let withdrawn = platform.arena(&["withdraw", "--miner", "me", "--json"]).await;
    withdrawn.check(0, &["me is withdrawn from the coming rounds"]);
    assert_eq!(withdrawn.json()["withdrawn"], "me");
    assert_eq!(platform.arena(&agents).await.stdout, "");
    let shown = platform.arena(&status).await.stdout;
    assert!(shown.contains("not ranked yet\nwithdrawn ") && !shown.contains("waiting"), "{shown}");

    platform.arena(&upload).await.check(0, &["me is already stored as version 1"]);
    assert!(platform.arena(&agents).await.stdout.starts_with("me "));
    platform.arena(&["withdraw", "--miner", "no"]).await.check(2, &["holds no token of 'no'"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_states_a_name_and_a_web_page() {
    let platform = TestPlatform::start().await;
    let file = platform.directory().join("agent.py").display().to_string();
    std::fs::write(&file, REVERSER).unwrap();
    let upload = async |more: &[&str]| {
        platform.arena(&[&["upload", &file, "--miner", "me"], more].concat()).await
    };
    upload(&["--display-name", "Alice & Co.", "--url", "https://alice.example"])
        .await
        .check(0, &[]);
    let current = async || platform.client.agent(&"me".parse().unwrap()).await.unwrap().current;
    let shown = current().await;
    assert_eq!(shown.display_name.unwrap().as_ref(), "Alice & Co.");
    assert_eq!(shown.url.unwrap().as_ref(), "https://alice.example/");
    upload(&["--display-name", ""]).await.check(0, &[]);
    let shown = current().await;
    assert_eq!((shown.display_name, shown.version), (None, 1));
    assert!(shown.url.is_some());
    // Nothing is sent if it cannot be shown.
    upload(&["--url", "ftp://alice.example"]).await.check(2, &["it is not http or https"]);
    upload(&["--display-name", "a\u{202e}b"]).await.check(2, &["without control characters"]);
}
