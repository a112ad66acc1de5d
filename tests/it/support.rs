//! What the tests of the binary share: the binary itself, stores, and a platform in this process.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use harness::gateway::provider::ProviderKind;
use platform::client::Client;
use platform::server::{Settings, serve};
use platform::store::Store;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// An agent that answers `reverse_string` correctly and nothing else.
pub const REVERSER: &str = "import sys\nif 'reverse_string' in sys.argv[-1]:\n    print('def reverse_string(s): return s[::-1]')\n";

/// An agent that answers these tasks correctly, with a comment that makes it another one.
pub fn solver(comment: &str, tasks: &[&str]) -> String {
    let reference = |id: &&str| {
        let task = tasks::find(id).expect("the test's tasks are built-in ones");
        ((*id).to_owned(), task.reference(tasks::Seed(1)).into())
    };
    let answers = serde_json::Value::Object(tasks.iter().map(reference).collect());
    format!(
        "# {comment}\nimport sys\nANSWERS = {answers}\nfor name, code in ANSWERS.items():\n    \
         if name in sys.argv[-1]:\n        print(code)\n"
    )
}

/// Runs `arena` with these arguments to its end, without a terminal.
pub fn arena(arguments: &[&str]) -> Output {
    command(arguments).output().expect("arena starts")
}

/// `arena` with these arguments, and nothing in its environment that could change what it does.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arena"));
    command.args(arguments).env("NO_COLOR", "1");
    let keys = ProviderKind::ALL.into_iter().flat_map(ProviderKind::key_variables).copied();
    let ours = [
        "ARENA_STORE",
        "ARENA_VALIDATOR_TOKEN",
        "ARENA_PLATFORM",
        "ARENA_MINER",
        "ARENA_MODEL",
        "ARENA_BASE_URL",
        "ARENA_PRICE",
        "ARENA_JOBS",
        "ARENA_SIGN_KEY",
        "ARENA_NATS",
        "ARENA_NATS_CREDS",
    ];
    for name in keys.chain(ours).chain(["XDG_CONFIG_HOME", "XDG_STATE_HOME"]) {
        command.env_remove(name);
    }
    command
}

/// A store with these agents.
pub fn store(directory: &Path, agents: &[(&str, &str)]) -> Store {
    let store = Store::open(directory).expect("a new directory can be a store");
    for (name, source) in agents {
        let miner_id = name.parse().expect("the test's names are miner ids");
        store.put_agent(&miner_id, source.as_bytes(), None).expect("the agent is stored");
    }
    store
}

/// What `arena` printed on stdout, as JSON.
pub fn json(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("no JSON: {error}\n{text}\n{}", String::from_utf8_lossy(&output.stderr))
    })
}

/// What `arena` printed on stderr.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The number of containers that a process with this id made.
pub async fn containers_of(process: u32) -> usize {
    use bollard::query_parameters::ListContainersOptionsBuilder;
    let docker = harness::sandbox::connect().await.expect("there is a daemon");
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let containers = docker.list_containers(Some(options)).await.expect("containers can be listed");
    let ours = containers.iter().filter(|container| {
        let owner = container.labels.as_ref().and_then(|labels| labels.get("arena.owner"));
        owner.is_some_and(|owner| owner.contains(&format!("/{process}/")))
    });
    ours.count()
}

/// A file in `tests/`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A platform on a free port with a store of its own. It ends with the test's runtime.
pub struct TestPlatform {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Its store.
    pub store: Store,
    /// A client of it.
    pub client: Client,
    directory: tempfile::TempDir,
}

impl TestPlatform {
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// A platform with these settings.
    pub async fn with(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = serve(listener, store.clone(), settings, std::future::pending());
        tokio::spawn(serving);
        let client = Client::new(&url).unwrap();
        Self { url, store, client, directory }
    }

    /// A directory for the test's files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// `arena` with this platform and a home directory of its own.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("ARENA_PLATFORM", &self.url).env("HOME", self.directory());
        command
    }

    /// Runs `arena` without blocking the platform.
    pub async fn arena(&self, args: &[&str]) -> Finished {
        let mut command = self.command(args);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Finished::of(output)
    }
}

/// The end of a process, and what it printed.
#[derive(Debug)]
pub struct Finished {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { status: output.status.code(), stdout, stderr }
    }

    /// The document on stdout.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks the exit status, and that each part is on stderr.
    pub fn check(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {}", self.stderr);
        }
    }
}

/// A store in a directory of its own, and `arena` on it.
pub struct TestStore {
    directory: tempfile::TempDir,
}

impl TestStore {
    pub fn new(agents: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        store(directory.path(), agents);
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn arena(&self, arguments: &[&str]) -> Finished {
        let root = self.directory.path().to_str().unwrap();
        Finished::of(arena(&[arguments, &["--store", root]].concat()))
    }

    pub fn read(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    pub fn upload(&self, miner_id: &str, source: &str) {
        store(self.directory.path(), &[(miner_id, source)]);
    }
}

/// A model server that answers the first request with code and never answers the second. The receiver fires
/// when the second one arrives.
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

/// A model server that answers when as many questions as there are names wait for an answer, with code that defines
/// all of them.
pub async fn answers_together<const COUNT: usize>(names: [&'static str; COUNT]) -> String {
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(COUNT));
    let code = names.map(|name| format!("def {name}(*args):\n    return args\n")).concat();
    let answer = move || {
        let (barrier, code) = (barrier.clone(), code.clone());
        async move {
            barrier.wait().await;
            axum::Json(serde_json::json!({
                "choices": [{ "message": { "content": code }, "finish_reason": "stop" }],
            }))
        }
    };
    let router = axum::Router::new().route("/chat/completions", axum::routing::post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// A proxy of a platform that holds back the answer to an upload until the sender fires. The receiver fires when
/// the upload arrives.
pub async fn slow_upload(
    platform: &TestPlatform,
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
