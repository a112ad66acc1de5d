//! A smoke test against a real server that speaks as `OpenAI` does: `LiteLLM`, from `PyPI`, answering canned
//! text.
//!
//! It installs some 700 MB into the build folder once, which a plain `cargo test` should not do unasked, so it
//! is `#[ignore]`d there; `cargo test -p miner --test litellm -- --ignored` runs it. Asked to, it does not skip
//! itself: a machine without python3, its venv module or `PyPI` fails it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::Platform;
use tokio::io::{AsyncBufReadExt as _, BufReader};

mod support;

const VERSION: &str = "1.106.2";

const CONFIG: &str = r"
model_list:
  - model_name: canned
    litellm_params:
      model: openai/canned
      api_key: unused
      mock_response: |
        Reversing is a slice:

        ```python
        def reverse_string(s: str) -> str:
            return s[::-1]
        ```
general_settings:
  master_key: sk-smoke-test
litellm_settings:
  telemetry: false
";

/// The program `litellm`, installed on first use. A marker tells a whole installation from half of one.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("litellm-{VERSION}"));
    let marker = folder.join("installed");
    if !marker.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let package = format!("litellm[proxy]=={VERSION}");
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", &package]));
        std::fs::write(&marker, "").unwrap();
    }
    folder.join("bin/litellm")
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs LiteLLM from PyPI, about 700 MB: run it with -- --ignored"]
async fn an_agent_is_made_with_a_real_server_that_speaks_as_openai_does() {
    let platform = Platform::start().await;
    let config = platform.folder().join("litellm.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = tokio::task::spawn_blocking(installed).await.unwrap();
    let mut server = tokio::process::Command::new(program)
        .arg("--config")
        .arg(&config)
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said.last().is_some_and(|line: &String| line.contains("Uvicorn running")) {
        let line = lines.next_line().await.unwrap();
        said.push(line.unwrap_or_else(|| panic!("LiteLLM did not start:\n{}", said.join("\n"))));
    }
    // Whoever stops reading blocks the writer.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

    let base_url = format!("http://127.0.0.1:{port}/v1");
    let model = ["--model", "openai:canned", "--base-url", &base_url];
    let more = ["--miner", "me", "--task", "reverse_string", "--json"];
    let mut command = platform.command(&[&["mine"], &model[..], &more].concat());
    command.env("OPENAI_API_KEY", "sk-smoke-test");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let ran = support::Ran::of(output);
    ran.check(0, &["uploaded as version 1"]);
    let document = ran.json();
    let task = &document["tasks"][0];
    assert_eq!((&task["attempt"], &task["tried"]["verdict"]), (&1.into(), &"AC".into()));
    assert!(document["usage"]["output_tokens"].as_u64().unwrap() > 5, "{document}");
    assert!(!format!("{ran:?}").contains("sk-smoke-test"), "{ran:?}");
    server.kill().await.unwrap();
}
