//! The client libraries of `OpenAI` and Anthropic from `PyPI`, pointed at the gateway as an agent would be. They need the
//! packages `openai` and `anthropic` next to `llmock`.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use harness::gateway::base_url::BaseUrl;
use harness::gateway::budget::ModelBudget;
use harness::gateway::model::ModelSettings;
use harness::gateway::provider::ProviderKind;
use harness::gateway::round::Gateway;
use harness::gateway::session::ModelSession;
use serde_json::{Value, json};
use tasks::Sha256;
use tokio::net::{TcpListener, UnixListener};
use tokio::process::Command;

/// Asks whole and streamed with both libraries, and prints what they understood.
const SCRIPT: &str = r#"
import sys
import anthropic, httpx, httpx2, openai

def http(library):
    return library.Client(transport=library.HTTPTransport(uds=sys.argv[1]))

chat = openai.OpenAI(base_url="http://model/v1", api_key="none", http_client=http(httpx))
question = dict(model="any", messages=[{"role": "user", "content": "hello"}], max_tokens=20)
print(chat.chat.completions.create(**question).choices[0].message.content)
print("".join(chunk.choices[0].delta.content or "" for chunk in chat.chat.completions.create(stream=True, **question)))
print([model.id for model in chat.models.list()])
messages = anthropic.Anthropic(base_url="http://model", api_key="none", http_client=http(httpx2))
print(messages.messages.create(**question).content[0].text)
with messages.messages.stream(**question) as stream:
    print("".join(stream.text_stream))
try:
    chat.chat.completions.create(tools=[], **question)
except openai.BadRequestError as error:
    print(error.code)
for number in range(2):
    try:
        chat.chat.completions.create(**question)
    except openai.APIStatusError as error:
        print(error.status_code, error.code)
"#;

/// A provider that speaks both dialects.
async fn provider(uri: axum::http::Uri, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    let streams = body["stream"] == true;
    let events = |events: Vec<String>| {
        ([("content-type", "text/event-stream")], events.concat()).into_response()
    };
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7});
    let of_messages = json!({"input_tokens": 5, "output_tokens": 2});
    let about = |object: &str| json!({"id": "x", "object": object, "created": 1, "model": "m"});
    let with = |mut object: Value, fields: Value| {
        object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        object
    };
    match (uri.path(), streams) {
        ("/v1/chat/completions", false) => axum::Json(with(about("chat.completion"), json!({
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "whole chat"}, "finish_reason": "stop"}],
            "usage": usage
        }))).into_response(),
        ("/v1/chat/completions", true) => {
            let chunk = |choices: Value, usage: Value| {
                let chunk = with(about("chat.completion.chunk"), json!({"choices": choices, "usage": usage}));
                format!("data: {chunk}\n\n")
            };
            let delta = |text: &str| json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]);
            events(vec![
                chunk(delta("streamed "), Value::Null),
                chunk(delta("chat"), Value::Null),
                chunk(json!([]), usage),
                "data: [DONE]\n\n".to_owned(),
            ])
        }
        ("/v1/messages", false) => axum::Json(json!({
            "id": "x", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
            "stop_sequence": null, "content": [{"type": "text", "text": "whole message"}], "usage": of_messages
        })).into_response(),
        ("/v1/messages", true) => {
            let event = |name: &str, fields: Value| {
                format!("event: {name}\ndata: {}\n\n", with(json!({"type": name}), fields))
            };
            let message = json!({"id": "x", "type": "message", "role": "assistant", "model": "m", "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": of_messages});
            let text = json!({"type": "text_delta", "text": "streamed message"});
            events(vec![
                event("message_start", json!({"message": message})),
                event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}})),
                event("content_block_delta", json!({"index": 0, "delta": text})),
                event("content_block_stop", json!({"index": 0})),
                event("message_delta", json!({"delta": {"stop_reason": "end_turn", "stop_sequence": null},
                    "usage": {"output_tokens": 2}})),
                event("message_stop", json!({})),
            ])
        }
        (path, _) => panic!("{path}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_libraries_of_openai_and_anthropic_work_behind_the_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, axum::Router::new().fallback(provider)).await });
    let base_url = BaseUrl::parse(&format!("http://{address}")).unwrap();
    let mut settings = ModelSettings::new(ProviderKind::Ollama, "granted", base_url);
    settings.trial_budget = ModelBudget { calls: Some(5), ..ModelBudget::default() };
    let gateway = Gateway::open(settings, None).unwrap();
    let session = ModelSession::begin(&gateway, &Sha256::of(b"trial")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("model.sock");
    let connections = UnixListener::bind(&socket).unwrap();
    let line = session.line();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = connections.accept().await {
            let serve = Arc::clone(&line.serve);
            tokio::spawn(async move {
                let (mut ours, theirs) = tokio::io::duplex(1 << 16);
                let carrying = tokio::io::copy_bidirectional(&mut stream, &mut ours);
                let _ = tokio::join!(serve(theirs), carrying);
            });
        }
    });
    // The interpreter of the environment that has `llmock`.
    let ran = Command::new("sh")
        .args([
            "-c",
            r#"exec "$(dirname "$(command -v llmock)")/python" -c "$1" "$2""#,
            "sh",
            SCRIPT,
        ])
        .arg(&socket)
        .output()
        .await
        .unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let expected = "whole chat\nstreamed chat\n['granted']\nwhole message\nstreamed message\ninvalid_request_error\n\
        402 budget_exhausted\n";
    // Five calls are four of the first ones and one more.
    assert_eq!(printed, expected, "{errors}");
}
