//! A real server on a free port with its own store, for the tests of the API.

use platform::api::{ProblemDocument, Rankings, Round};
use platform::client::Client;
use platform::server::{Listeners, Settings, serve};
use platform::store::Store;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

#[cfg(feature = "outside-tools")]
pub mod browser;
pub mod faulty;
pub mod rounds;
pub mod volatile;

/// The validator token of the tests.
pub const VALIDATOR: &str = "the validator's token";

/// A running server.
pub struct TestServer {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// The URL of its figures.
    pub metrics_url: String,
    /// The store that it serves.
    pub store: Store,
    /// A client of it.
    pub client: Client,
    /// For requests that the client does not offer.
    pub http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
    /// Removed with the server.
    _directory: Option<tempfile::TempDir>,
}

impl TestServer {
    /// Starts a server with the settings of most tests.
    pub async fn start() -> Self {
        let settings = Settings { validator_token: Some(VALIDATOR.into()), ..Settings::default() };
        Self::with(settings).await
    }

    /// Starts a server with these settings.
    pub async fn with(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        Self { _directory: Some(directory), ..Self::on(store, settings).await }
    }

    /// Starts a server on this store.
    pub async fn on(store: Store, settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let metrics = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let metrics_url = format!("http://{}/metrics", metrics.local_addr().unwrap());
        let listeners = Listeners { public: listener, metrics: Some(metrics) };
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listeners, store.clone(), settings, shutdown));
        let client = Client::new(&url).unwrap();
        let http = reqwest::Client::new();
        Self { url, metrics_url, store, client, http, stop: Some(stop), task, _directory: None }
    }

    /// Asks the server to stop. It finishes the requests in progress.
    pub fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// Returns when the server has stopped.
    pub async fn stopped(&mut self) {
        (&mut self.task).await.unwrap().unwrap();
    }

    /// Builds a request to the server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Builds an upload as `curl -F` would send it.
    pub fn upload(&self, miner_id: &str, source: &str) -> RequestBuilder {
        let file = Part::bytes(source.as_bytes().to_vec()).file_name("agent.py");
        let form = Form::new().part("file", file).text("miner_id", miner_id.to_owned());
        self.request(Method::POST, "/upload/agent").multipart(form)
    }
}

/// Checks that the response is a problem document with this status whose detail contains this part.
pub async fn check_problem(response: Response, status: u16, part: &str) -> ProblemDocument {
    assert_eq!(response.status(), StatusCode::from_u16(status).unwrap());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: ProblemDocument = response.json().await.unwrap();
    assert_eq!(problem.status, status);
    let kind = problem.kind().expect("the kind of problem is known");
    assert_eq!((kind.status(), kind.title()), (status, problem.title.as_str()));
    assert!(problem.detail.contains(part), "{part:?} is not in {:?}", problem.detail);
    problem
}

/// A closed round of one agent on one task; `round` distinguishes it from others.
pub fn rankings(round: &str, miner_id: &str) -> Rankings {
    let id = format!("20260110T000000Z-{round}");
    serde_json::from_value(serde_json::json!({
        "round": {
            "id": id, "status": "closed", "seed": 1, "salt": "5a17", "partial": true,
            "commitment": Round::commitment_to(&id, tasks::Seed(1), "5a17"),
            "opened_at": "2026-01-10T00:00:00Z", "listed_at": "2026-01-10T00:00:30Z",
            "finished_at": "2026-01-10T00:01:00Z", "tasks": ["reverse_string"],
            "image": "python@sha256:0", "isolation": "agent", "pool_tao": "100",
            "payout": "proportional", "alpha": 0.05, "trials": 1, "faults": [], "trials_sha256": "0".repeat(64),
        },
        "rankings": [{
            "rank": 1, "miner_id": miner_id, "agent_sha256": "0".repeat(64), "score": 100.0,
            "reward_tao": "100", "reward_rao": 100_000_000_000_u64, "copy_of": null, "group": "a",
            "uploaded_at": "2026-01-01T00:00:00Z", "first_submitted_at": "2026-01-01T00:00:00Z",
            "tasks": {"reverse_string": {"verdict": "AC", "score": 100.0, "passed": 1, "total": 1}},
        }],
    }))
    .unwrap()
}
