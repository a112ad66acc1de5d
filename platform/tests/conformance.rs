//! The running server against its own description, by Schemathesis: some hundred requests that follow
//! `/openapi.json` and some hundred that do not. Run with `--features outside-tools`; wants `schemathesis`
//! (from `pip install schemathesis`) on the path.

mod support;

use std::process::Command;

use platform::server::Settings;
use support::{Server, VALIDATOR, rankings};

/// Checks the operations that the arguments choose, and returns the report.
fn check(server: &Server, config: &str, token: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config_file = folder.path().join("schemathesis.toml");
    std::fs::write(&config_file, config).unwrap();
    let output = Command::new("schemathesis")
        .arg("--config-file")
        .arg(config_file)
        .args(["run", "--checks", "all", "--max-examples", "50", "--seed", "1"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(arguments)
        .arg(format!("{}/openapi.json", server.url))
        // It writes a cache where it stands.
        .current_dir(folder.path())
        .output()
        .expect("schemathesis runs: pip install schemathesis");
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{report}");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_what_its_description_says() {
    const CONFIG: &str = include_str!("schemathesis.toml");
    /// Who has been stored, so that not every answer is that there is nobody.
    const ME: &str = "[parameters]\nminer_id = \"me\"\n";
    let settings =
        Settings { validator_token: Some(VALIDATOR.into()), quotas: None, ..Settings::default() };
    let server = Server::with(settings).await;
    let me = "me".parse().unwrap();
    let owner = server.client.upload(&me, "print(1)\n", None).await.unwrap().token.unwrap();
    server.client.put_rankings(&rankings("one", "me"), VALIDATOR).await.unwrap();
    let report = check(&server, CONFIG, VALIDATOR, &[]);
    assert!(report.contains("Operations:       10 selected / 10 total"), "{report}");
    let of_mine = ["--include-path-regex", "^/agents/[{]miner_id[}]"];
    let config = format!("{ME}{CONFIG}");
    let report = check(&server, &config, VALIDATOR, &of_mine);
    assert!(report.contains("Operations:       3 selected / 10 total"), "{report}");
    // Its owner may exchange the token, which is the last thing that may be done with it.
    let report = check(&server, &config, &owner, &["--include-path", "/agents/{miner_id}/token"]);
    assert!(report.contains("Operations:       1 selected / 10 total"), "{report}");
    assert!(server.store.authorize(&me, Some(&owner)).is_err(), "the token was exchanged");
}
