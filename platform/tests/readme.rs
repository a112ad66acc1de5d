//! The curl commands of the README, run against a real server in the order in which they stand. Run with
//! `--features outside-tools`; wants `curl`.

mod support;

use std::path::Path;
use std::process::Command;

use platform::server::Settings;
use serde_json::Value;
use support::{Server, VALIDATOR, rankings};

/// The commands in the file's `sh` blocks that call curl.
fn commands(markdown: &str) -> Vec<&str> {
    markdown
        .split("```sh\n")
        .skip(1)
        .flat_map(|rest| rest.split("```").next().unwrap_or_default().lines())
        .filter(|line| line.starts_with("curl "))
        .collect()
}

/// Runs the command as a reader's shell would, and returns what it printed.
fn run(command: &str, folder: &Path, token: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("TOKEN", token)
        .env("VALIDATOR_TOKEN", VALIDATOR)
        .output()
        .expect("a shell runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_commands_do_what_it_says() {
    let settings = Settings { validator_token: Some(VALIDATOR.into()), ..Settings::default() };
    let server = Server::with(settings).await;
    server.client.put_rankings(&rankings("one", "me"), VALIDATOR).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("agent.py");
    std::fs::write(&agent, "print(1)\n").unwrap();

    let commands = commands(include_str!("../../README.md"));
    assert!(commands.len() >= 8, "the README has only {} curl commands", commands.len());

    let (mut token, mut stored, mut uploads) = (String::new(), String::new(), 0);
    for command in commands {
        assert!(command.contains("http://127.0.0.1:8080"), "{command}");
        let command = command.replace("http://127.0.0.1:8080", &server.url).replacen(
            "curl ",
            "curl --silent --show-error --fail-with-body ",
            1,
        );
        let answer = run(&command, folder.path(), &token);
        if command.contains("agent.py") && !command.contains("/upload/") {
            assert_eq!(answer, stored, "{command}");
            continue;
        }
        let answer: Value =
            serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{command}: {answer}"));
        if command.contains("/upload/") {
            uploads += 1;
            stored = std::fs::read_to_string(&agent).unwrap();
            assert_eq!(answer["version"], uploads, "{command}");
            // A later upload is of another version.
            std::fs::write(&agent, format!("print({uploads} + 1)\n")).unwrap();
        }
        if let Some(new) = answer["token"].as_str() {
            new.clone_into(&mut token);
        }
    }
    assert_eq!(uploads, 2);
}
