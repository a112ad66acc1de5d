//! A provider in this process that hostile programs ask. It does what a request's first word says.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Fault;
use crate::gateway::base_url::BaseUrl;
use crate::gateway::budget::{ModelBudget, TokenPrices};
use crate::gateway::model::ModelSettings;
use crate::gateway::provider::ProviderKind;
use crate::gateway::round::Gateway;

/// The name of the model that agents get, whatever they name.
const MODEL: &str = "granted";
/// What a trial may use.
const BUDGET: ModelBudget = ModelBudget {
    calls: Some(8),
    input_tokens: Some(20_000),
    output_tokens: Some(800),
    micro_usd: Some(10_000),
    seconds: Some(20),
};

type MockBody = BoxBody<Bytes, Infallible>;

/// The provider and the gateway to it. It ends when it is dropped.
pub(super) struct MockProvider {
    pub gateway: Arc<Gateway>,
    serving: JoinHandle<()>,
}

impl MockProvider {
    /// Starts the provider on a free port of this machine.
    pub async fn start() -> Result<Self, Fault> {
        let failed = |cause: std::io::Error| Fault::Model {
            model: MODEL.to_owned(),
            why: cause.to_string(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let service = service_fn(answer);
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        let base_url =
            BaseUrl::parse(&format!("http://{address}/v1")).expect("an address is a URL");
        let mut settings = ModelSettings::new(ProviderKind::Ollama, MODEL, base_url);
        settings.parameters.max_output_tokens = 100;
        settings.prices = TokenPrices { input: 1_000_000, output: 1_000_000 };
        settings.trial_budget = BUDGET;
        settings.agent_time = Duration::from_secs(25);
        settings.patience = Duration::from_mins(1);
        settings.silence = Duration::from_secs(3);
        Ok(Self { gateway: Gateway::open(settings, None)?, serving })
    }
}

impl Drop for MockProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<MockBody>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let body: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let text = body["messages"][0]["content"].as_str().unwrap_or_default();
    Ok(match text.split(' ').next().unwrap_or_default() {
        "fail" => whole(StatusCode::INTERNAL_SERVER_ERROR, "{}"),
        "hang" => std::future::pending().await,
        "endless" if body["stream"] == true => endless(
            "text/event-stream",
            "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n",
        ),
        "endless" => endless("application/json", "[[[[[[[[[[[[[[[["),
        // What the model gets, so that a program can see whether it could change it.
        _ => {
            let got =
                json!({"path": path, "model": body["model"], "user": body["user"], "fields": body})
                    .to_string();
            let reply = json!({
                "choices": [{"index": 0, "message": {"role": "assistant", "content": got}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 50, "completion_tokens": 10},
            });
            whole(StatusCode::OK, &reply.to_string())
        }
    })
}

fn whole(status: StatusCode, body: &str) -> Response<MockBody> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())).boxed());
    *response.status_mut() = status;
    response
}

/// A response without an end, in pieces of 64 KiB.
fn endless(content_type: &'static str, piece: &'static str) -> Response<MockBody> {
    let piece = Bytes::from(piece.repeat((64 << 10) / piece.len()));
    let pieces = stream::repeat(piece).map(|piece| Ok(Frame::data(piece)));
    let mut response = Response::new(BoxBody::new(StreamBody::new(pieces)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}
