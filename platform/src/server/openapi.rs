//! The API's description: `OpenAPI` 3.1, made from the handlers themselves, served as `/openapi.json` and
//! as a page that people can read.
//!
//! Types of other crates cannot say what they look like here, so their schemas stand below; a test holds
//! them against what is really sent.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::{App, dress, page};
use crate::api::{Problem, schema};

/// What the description says besides the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "The arena",
        description = "Submit agents that write code, and read what is asked of them and how they rank.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/")),
    components(schemas(Problem)),
    tags(
        (name = "miners", description = "For those who submit agents"),
        (name = "readers", description = "For everybody"),
        (name = "validators", description = "For who runs the rounds"),
    ),
    modifiers(&Tokens),
)]
pub(super) struct Description;

/// The two kinds of tokens.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let bearer = |description: &str| {
            SecurityScheme::Http(
                Http::builder()
                    .scheme(HttpAuthScheme::Bearer)
                    .description(Some(description))
                    .build(),
            )
        };
        let components = document.components.get_or_insert_default();
        components
            .add_security_scheme("miner", bearer("The token of the first upload under a miner_id"));
        components.add_security_scheme("validator", bearer("The token that the operator has set"));
    }
}

/// Both forms of the description, made once.
#[derive(Debug)]
pub(super) struct Reference {
    json: Bytes,
    json_headers: HeaderMap,
    html: String,
}

impl Reference {
    pub(super) fn of(document: &Document) -> Self {
        let json = document.to_pretty_json().expect("a description is plain data");
        let value = serde_json::from_str(&json).expect("it was JSON just now");
        let json = Bytes::from(json);
        let json_headers = dress::fixed("application/json", &json);
        Self { json, json_headers, html: page::layout("API", &reference(&value)).into_string() }
    }
}

pub(super) async fn json(State(app): State<App>) -> Response {
    (app.reference.json_headers.clone(), app.reference.json.clone()).into_response()
}

pub(super) async fn html(State(app): State<App>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, app.reference.html.clone()).into_response()
}

fn reference(document: &Value) -> Markup {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    html! {
        h1 { "API" }
        p {
            (text(&document["info"]["description"])) " "
            "The same for machines, as OpenAPI 3.1: " a href="/openapi.json" { "openapi.json" } "."
        }
        @for (path, operations) in paths {
            @for (method, operation) in operations.as_object().unwrap_or(&empty) {
                section.operation {
                    h2 { code { (method.to_uppercase()) " " (path) } }
                    p { strong { (text(&operation["summary"])) } }
                    @if operation["description"].is_string() {
                        p { (text(&operation["description"])) }
                    }
                    @if let Some(parameters) = operation["parameters"].as_array() {
                        h3 { "Parameters" }
                        dl {
                            @for parameter in parameters {
                                dt { code { (text(&parameter["name"])) } " (" (text(&parameter["in"])) ")" }
                                dd { (text(&parameter["description"])) }
                            }
                        }
                    }
                    @if let Some(content) = operation["requestBody"]["content"].as_object() {
                        h3 { "Body" }
                        @for (kind, body) in content { p { code { (kind) } ", " (schema(&body["schema"])) } }
                    }
                    h3 { "Answers" }
                    dl {
                        @for (status, answer) in operation["responses"].as_object().unwrap_or(&empty) {
                            dt { code { (status) } }
                            dd {
                                (text(&answer["description"]))
                                @for (kind, body) in answer["content"].as_object().unwrap_or(&empty) {
                                    " (" code { (kind) } ", " (schema(&body["schema"])) ")"
                                }
                            }
                        }
                    }
                }
            }
        }
        h2 { "Types" }
        @for (name, value) in document["components"]["schemas"].as_object().unwrap_or(&empty) {
            section.operation id=(format!("type-{name}")) {
                h3 { (name) }
                p { (text(&value["description"])) }
                pre tabindex="0" aria-label=(format!("Schema of {name}")) {
                    code { (serde_json::to_string_pretty(value).unwrap_or_default()) }
                }
            }
        }
    }
}

/// A schema in a word or two, with a link to where it stands.
fn schema(schema: &Value) -> Markup {
    let name_of = |schema: &Value| {
        schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(str::to_owned)
    };
    match (name_of(schema), name_of(&schema["items"])) {
        (Some(name), _) => html! { a href=(format!("#type-{name}")) { (name) } },
        (None, Some(name)) => html! { "a list of " a href=(format!("#type-{name}")) { (name) } },
        (None, None) => html! { (schema["type"].as_str().unwrap_or("anything")) },
    }
}

/// The public side of a task.
#[derive(Deserialize, ToSchema)]
#[schema(as = TaskView)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is read by the schema's maker and by the test below")]
pub(super) struct TaskSchema {
    /// Unique among the tasks
    #[schema(value_type = schema::TaskId)]
    id: String,
    /// A few words for people
    title: String,
    /// What kind of skill it asks for
    family: Option<String>,
    /// How much it counts beside the others
    weight: Option<u32>,
    /// What the agent is told, word for word
    prompt: String,
    /// The form of the answer: `code` or `findings`
    kind: String,
    /// The name that an answer in code must define
    entry_point: Option<String>,
    /// The public cases
    examples: Vec<ExampleSchema>,
    /// How many cases every round has, hidden ones included
    cases: Option<u64>,
    /// How a trial is scored, as a sentence
    scoring: Option<String>,
    /// What a trial may use; the names end in their units
    limits: BTreeMap<String, u64>,
}

/// A public case.
#[derive(Deserialize, ToSchema)]
#[schema(as = Example)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is read by the schema's maker and by the test below")]
pub(super) struct ExampleSchema {
    /// The call as Python would write it
    call: String,
    /// What is expected of it
    expected: String,
}

/// The two parts of an upload.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is read by the schema's maker")]
pub(super) struct UploadForm {
    /// The agent: one file of Python 3.11 that imports nothing but the standard library
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Whose agent it is
    miner_id: crate::MinerId,
}

/// Whether the server is up.
#[derive(serde::Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`
    #[schema(examples("ok"))]
    pub(super) status: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_of_other_crates_types_are_what_is_sent() {
        for task in tasks::all() {
            let sent = serde_json::to_value(task.view()).unwrap();
            serde_json::from_value::<TaskSchema>(sent).unwrap();
        }
    }

    #[test]
    fn the_description_is_of_version_3_1_and_explains_everything() {
        let document: Value = serde_json::from_slice(&super::super::reference().json).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for used in ["Problem", "Finding", "AgentView", "Rankings"] {
            assert!(document["components"]["schemas"][used].is_object(), "{used}");
        }
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 9, "{:?}", paths.keys());
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
                for refusal in ["4XX", "5XX"] {
                    let content = &operation["responses"][refusal]["content"];
                    let schema = &content["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{method} {path}");
                }
            }
        }
    }
}
