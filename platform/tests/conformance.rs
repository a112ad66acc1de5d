//! The running server against its own description, by Schemathesis: some hundred requests that follow
//! `/openapi.json` and some hundred that do not. Run with `--features outside-tools`; wants `schemathesis`
//! (from `pip install schemathesis`) on the path.

mod support;

use std::process::Command;

use platform::server::Settings;
use support::{Server, VALIDATOR, rankings};

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_what_its_description_says() {
    let settings =
        Settings { validator_token: Some(VALIDATOR.into()), quotas: None, ..Settings::default() };
    let server = Server::with(settings).await;
    server.upload("me", "print(1)\n").send().await.unwrap();
    server.client.put_rankings(&rankings("one", "me"), VALIDATOR).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("schemathesis")
        .arg("--config-file")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.toml"))
        .args(["run", "--checks", "all", "--max-examples", "50", "--seed", "1"])
        .args(["--header", &format!("Authorization: Bearer {VALIDATOR}")])
        .arg(format!("{}/openapi.json", server.url))
        // It writes a cache where it stands.
        .current_dir(folder.path())
        .output()
        .expect("schemathesis runs: pip install schemathesis");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    assert!(report.contains("Operations:       10 selected / 10 total"), "{report}");
}
