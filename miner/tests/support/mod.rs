//! A platform in this process, and the binary `miner` with a home of its own.

#![allow(dead_code, reason = "each test target uses a part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use miner::model::provider::ProviderKind;
use platform::client::Client;
use platform::server::{Settings, serve};
use platform::store::Store;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A platform on a free port with a store of its own. It ends with the test's runtime.
pub struct Platform {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Its store.
    pub store: Store,
    /// A client of it.
    pub client: Client,
    folder: tempfile::TempDir,
}

impl Platform {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = serve(listener, store.clone(), Settings::default(), std::future::pending());
        tokio::spawn(serving);
        let client = Client::new(&url).unwrap();
        Self { url, store, client, folder }
    }

    /// A folder for whatever the test wants to keep.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `miner`, with nothing in its environment that could change what it does.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_miner"));
        command.args(args).env("ARENA_PLATFORM", &self.url).env("HOME", self.folder());
        let keys = ProviderKind::ALL.into_iter().flat_map(ProviderKind::key_variables).copied();
        for name in keys.chain(["XDG_CONFIG_HOME", "XDG_STATE_HOME"]) {
            command.env_remove(name);
        }
        command
    }

    /// Runs `miner` without blocking the platform.
    pub async fn miner(&self, args: &[&str]) -> Ran {
        let mut command = self.command(args);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Ran::of(output)
    }
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { status: output.status.code(), stdout, stderr }
    }

    /// The document on stdout.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It ended like this and said that.
    pub fn check(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {}", self.stderr);
        }
    }
}

/// A folder beside the tests.
pub fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A server that speaks like a model, answers the first question with code, and is silent from then on. Tells
/// when the second question has come.
pub async fn silent_after_first_answer() -> (String, oneshot::Receiver<()>) {
    use std::sync::Mutex;
    let (sender, asked) = oneshot::channel();
    let (first, sender) = (Mutex::new(true), Mutex::new(Some(sender)));
    let state = std::sync::Arc::new((first, sender));
    let answer = move || {
        let state = state.clone();
        async move {
            if !std::mem::take(&mut *state.0.lock().unwrap()) {
                let _ = state.1.lock().unwrap().take().map(|sender| sender.send(()));
                std::future::pending::<()>().await;
            }
            let code = "def reverse_string(s):\n    return s[::-1]\n";
            axum::Json(serde_json::json!({
                "choices": [{ "message": { "content": code }, "finish_reason": "stop" }],
            }))
        }
    };
    let router = axum::Router::new().route("/chat/completions", axum::routing::post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, asked)
}

/// A way to a platform on which an upload arrives, and its answer does not come back before the sender says so.
/// Tells when it has arrived.
pub async fn slow_upload(
    platform: &Platform,
) -> (String, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (arrived, asked) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let once = std::sync::Arc::new(std::sync::Mutex::new(Some((arrived, may_go_on))));
    let target = format!("{}/upload/agent", platform.url);
    let answer = move |headers: HeaderMap, body: Bytes| {
        let (once, target) = (once.clone(), target.clone());
        async move {
            let sending = reqwest::Client::new().post(target).body(body);
            let kind = headers[CONTENT_TYPE].clone();
            let answer = sending.header(CONTENT_TYPE, kind).send().await.unwrap();
            let (status, kind) = (answer.status(), answer.headers()[CONTENT_TYPE].clone());
            let body = answer.bytes().await.unwrap();
            let (arrived, may_go_on) = once.lock().unwrap().take().expect("one upload");
            arrived.send(()).unwrap();
            may_go_on.await.unwrap();
            (status, [(CONTENT_TYPE, kind)], body)
        }
    };
    let router = axum::Router::new().route("/upload/agent", axum::routing::post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, asked, go_on)
}
