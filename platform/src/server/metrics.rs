//! Figures for a monitoring system, in the text format of `OpenMetrics`, which Prometheus reads.
//!
//! They are served on an address of their own, since they say how busy a platform is. Requests only add to counters;
//! what needs a walk through the store is computed when it is asked for, at most once a minute.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;

use super::log::ServerLog;
use crate::api::ProblemKind;
use crate::store::{Store, StoreError, StoreSize};

/// The media type of the format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the buckets for the time of a response, in seconds.
const BUCKETS_S: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The time for which the figures of the store are kept. Walking through a million files takes seconds.
const STORE_AGE: Duration = Duration::from_mins(1);

/// The template of a route as a label; `none` where no route matches.
#[derive(Clone, Debug)]
pub(super) struct RouteName(pub(super) Option<MatchedPath>);

impl RouteName {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl PartialEq for RouteName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RouteName {}

impl Hash for RouteName {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.as_str().hash(hasher);
    }
}

impl EncodeLabelValue for RouteName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

/// The labels of a request. Their number is bounded: a route is a template, and unknown methods are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) method: &'static str,
    pub(super) route: RouteName,
    pub(super) status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: RouteName,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectoryLabel {
    directory: &'static str,
}

/// The figures of one server.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabel, Histogram>,
    pub(super) sent_bytes: Counter,
    problems: Family<ReasonLabel, Counter>,
    tokens_refused: Family<ReasonLabel, Counter>,
    pub(super) uploads: Counter,
    pub(super) rankings_published: Counter,
    pub(super) connections: Gauge,
    pub(super) connections_refused: Counter,
    store: StoreFigures,
}

impl Metrics {
    pub(super) fn new(log: &ServerLog) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("arena"),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(BUCKETS_S)),
            sent_bytes: Counter::default(),
            problems: Family::default(),
            tokens_refused: Family::default(),
            uploads: Counter::default(),
            rankings_published: Counter::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            store: StoreFigures::default(),
        };
        metrics.register(log);
        metrics
    }

    /// Counts a response whose head is ready after this time.
    pub(super) fn answered(&self, labels: &RequestLabels, time: Duration) {
        let route = RouteLabel { route: labels.route.clone() };
        self.latency.get_or_create(&route).observe(time.as_secs_f64());
        self.requests.get_or_create(labels).inc();
    }

    /// Counts a problem document.
    pub(super) fn reported(&self, problem: ProblemKind) {
        self.problems.get_or_create(&ReasonLabel { reason: problem.name() }).inc();
    }

    /// Counts a refused token.
    pub(super) fn refused(&self, problem: ProblemKind) {
        self.tokens_refused.get_or_create(&ReasonLabel { reason: problem.name() }).inc();
    }

    fn register(&mut self, log: &ServerLog) {
        let registry = &mut self.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", version);
        registry.register("requests", "Answered requests", self.requests.clone());
        let latency = "Time from the header of a request to the header of its response";
        registry.register_with_unit(
            "request_duration",
            latency,
            Unit::Seconds,
            self.latency.clone(),
        );
        let sent = "Bytes of the bodies of responses";
        registry.register_with_unit("sent", sent, Unit::Bytes, self.sent_bytes.clone());
        registry.register("problems", "Problem documents by kind", self.problems.clone());
        registry.register("tokens_refused", "Refused tokens", self.tokens_refused.clone());
        registry.register("uploads", "Stored versions of agents", self.uploads.clone());
        let rankings = "Rankings that the validator has published";
        registry.register("rankings_published", rankings, self.rankings_published.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        let refused = "Connections closed because their address had too many";
        registry.register("connections_refused", refused, self.connections_refused.clone());
        registry.register("log_lines_dropped", "Log lines that were lost", log.dropped().clone());
        self.store.register(registry);
    }
}

/// What is known of the store since it was looked at last.
#[derive(Debug, Default)]
struct StoreFigures {
    files: Family<DirectoryLabel, Gauge>,
    bytes: Family<DirectoryLabel, Gauge>,
    agents: Gauge,
    damaged: Gauge,
    rounds: Gauge,
    duration: Gauge<f64, AtomicU64>,
    looked_at: Mutex<Option<Instant>>,
}

impl StoreFigures {
    fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("store");
        registry.register("files", "Files of the store", self.files.clone());
        let bytes = "Size of the files of the store";
        registry.register_with_unit("size", bytes, Unit::Bytes, self.bytes.clone());
        registry.register("agents", "Stored agents", self.agents.clone());
        registry.register("damaged_agents", "Agents that cannot be read", self.damaged.clone());
        registry.register("rounds", "Rounds with a published ranking", self.rounds.clone());
        let duration = "Time that these figures took";
        registry.register_with_unit(
            "scan_duration",
            duration,
            Unit::Seconds,
            self.duration.clone(),
        );
    }

    /// Looks at the store, unless that was done within the past minute.
    async fn update(&self, store: &Store) {
        let mut looked_at = self.looked_at.lock().await;
        if looked_at.is_some_and(|at| at.elapsed() < STORE_AGE) {
            return;
        }
        let store = store.clone();
        let started = Instant::now();
        let read = tokio::task::spawn_blocking(move || {
            Ok::<_, StoreError>((store.sizes()?, store.agents()?))
        });
        // What cannot be read keeps its figures; `/healthz` and the log report it.
        let Ok(Ok((sizes, listing))) = read.await else { return };
        for StoreSize { directory, files, bytes } in sizes {
            let label = DirectoryLabel { directory };
            let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
            self.files.get_or_create(&label).set(gauge(files));
            self.bytes.get_or_create(&label).set(gauge(bytes));
            if directory == "rounds" {
                self.rounds.set(gauge(files));
            }
        }
        self.agents.set(i64::try_from(listing.agents.len()).unwrap_or(i64::MAX));
        self.damaged.set(i64::try_from(listing.damaged.len()).unwrap_or(i64::MAX));
        self.duration.set(started.elapsed().as_secs_f64());
        *looked_at = Some(Instant::now());
    }
}

/// Returns the service that a monitoring system asks.
pub(super) fn router(metrics: Arc<Metrics>, store: Store) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((metrics, store))
}

async fn scrape(State((metrics, store)): State<(Arc<Metrics>, Store)>) -> Response {
    metrics.store.update(&store).await;
    let mut body = String::new();
    match text::encode(&mut body, &metrics.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
