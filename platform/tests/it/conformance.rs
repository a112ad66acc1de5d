//! Schemathesis checks the running server against its description: some hundred requests that follow
//! `/openapi.json`, and some hundred that do not. Run with `--features outside-tools`; requires `schemathesis`
//! (`pip install schemathesis`) on the path.

use std::process::Command;

use platform::server::Settings;

use crate::support::{TestServer, VALIDATOR, rankings};

/// Checks the operations that the arguments choose, and returns the report.
fn check(server: &TestServer, config: &str, token: &str, arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let config_file = directory.path().join("schemathesis.toml");
    std::fs::write(&config_file, config).unwrap();
    let output = Command::new("schemathesis")
        .arg("--config-file")
        .arg(config_file)
        .args(["run", "--checks", "all", "--max-examples", "50", "--seed", "1"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(arguments)
        .arg(format!("{}/openapi.json", server.url))
        // It writes a cache into the current directory.
        .current_dir(directory.path())
        .output()
        .expect("schemathesis runs: pip install schemathesis");
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{report}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn api_conforms_to_its_description() {
    const CONFIG: &str = include_str!("schemathesis.toml");
    /// A stored id, so that not every response is 404.
    const ME: &str = "[parameters]\nminer_id = \"me\"\n";
    let settings =
        Settings { validator_token: Some(VALIDATOR.into()), quotas: None, ..Settings::default() };
    let server = TestServer::with(settings).await;
    let me = "me".parse().unwrap();
    let owner = server.client.upload(&me, "print(1)\n", None).await.unwrap().token.unwrap();
    server.client.put_rankings(&rankings("one", "me"), VALIDATOR).await.unwrap();
    let report = check(&server, CONFIG, VALIDATOR, &[]);
    assert!(report.contains("Operations:       18 selected / 18 total"), "{report}");
    let of_mine = ["--include-path-regex", "^/agents/[{]miner_id[}]"];
    let config = format!("{ME}{CONFIG}");
    let report = check(&server, &config, VALIDATOR, &of_mine);
    assert!(report.contains("Operations:       6 selected / 18 total"), "{report}");
    // The owner exchanges the token last, because that revokes it.
    let report = check(&server, &config, &owner, &["--include-path", "/agents/{miner_id}/token"]);
    assert!(report.contains("Operations:       1 selected / 18 total"), "{report}");
    assert!(server.store.authorize(&me, Some(&owner)).is_err(), "the token was exchanged");
}
