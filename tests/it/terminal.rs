//! What `arena mine` shows on a terminal, which `script` provides.

use std::convert::Infallible;
use std::process::{Command, Stdio};

use crate::support::{Finished, TestPlatform};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;

/// A model server that begins an answer and never ends it.
async fn endless() -> String {
    let answer = async || {
        let event = r#"data: {"choices":[{"delta":{"content":"twelve bytes"}}]}"#;
        let begun = stream::iter([Ok::<_, Infallible>(format!("{event}\n\n"))]);
        let body = Body::from_stream(begun.chain(stream::pending()));
        ([(CONTENT_TYPE, "text/event-stream")], body)
    };
    let router = axum::Router::new().route("/chat/completions", axum::routing::post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_while_an_answer_arrives() {
    let platform = TestPlatform::start().await;
    let base_url = endless().await;
    let miner = platform.command(&[
        "mine",
        "--miner",
        "me",
        "--model",
        "ollama:m",
        "--base-url",
        &base_url,
        "--task",
        "reverse_string",
        "--no-check",
        "--task-budget",
        "seconds=2",
    ]);
    let words: Vec<_> = [miner.get_program()].into_iter().chain(miner.get_args()).collect();
    let line = words.join(" ".as_ref());
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command"]).arg(line).arg("/dev/null");
    terminal.env("TERM", "xterm").stdin(Stdio::null());
    for (name, value) in miner.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let output = tokio::task::spawn_blocking(move || terminal.output().unwrap()).await.unwrap();
    let ran = Finished::of(output);
    for part in [
        "reverse_string, attempt 1: 12 bytes; 0 of 1 tasks, 0 pass, 0 tokens",
        "reverse_string: skipped: its budget is used up",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} is not in {}", ran.stdout);
    }
}
