//! The `OpenAPI` 3.1 description of the API, generated from the handlers.
//!
//! Types of other crates cannot describe themselves here, so their schemas are written out below; a test
//! compares them with what is sent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::OpenApi as OpenApiDocument;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::body::ReadyBody;
use super::page::{self, Frame};
use super::public_url::PublicUrl;
use crate::api::{MinerId, PrivateListing, ProblemDocument, ProblemKind, schema};

/// The description without the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "The arena",
        description = "Submit agents that write code, and read the tasks and the rankings.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/")),
    components(schemas(ProblemDocument)),
    tags(
        (name = "miners", description = "For miners, who submit agents"),
        (name = "readers", description = "Public"),
        (name = "validators", description = "For the validator, who runs the rounds"),
    ),
    modifiers(&TokenSchemes),
)]
pub(super) struct ApiDescription;

/// The two kinds of tokens.
struct TokenSchemes;

impl Modify for TokenSchemes {
    fn modify(&self, document: &mut OpenApiDocument) {
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

/// The description as JSON and as a page, built once.
#[derive(Debug)]
pub(super) struct ApiReference {
    pub(super) json: ReadyBody,
    pub(super) html: ReadyBody,
}

impl ApiReference {
    /// The API as JSON, and as a page that is read at `site`.
    pub(super) fn new(description: &Value, site: &PublicUrl) -> Self {
        let json = serde_json::to_vec_pretty(description).expect("a description is plain data");
        let frame = Frame { site, title: "API", live: false };
        let page = page::layout(frame, &page::reference(site, description));
        Self { html: ReadyBody::html(page.into_string()), json: ReadyBody::json(json) }
    }
}

/// The description of the API with the address of the server.
pub(super) fn located(document: &OpenApiDocument, public_url: &PublicUrl) -> Value {
    let mut value = serde_json::to_value(document).expect("a description is plain data");
    let server = public_url.url_to("");
    value["servers"][0]["url"] = if server.is_empty() { "/".into() } else { server.into() };
    locate_problems(&mut value["components"]["schemas"]["Problem"], public_url);
    let example = tasks::all().first().map(|task| serde_json::to_value(task.view()));
    if let Some(Ok(example)) = example {
        value["components"]["schemas"]["TaskView"]["examples"] = Value::Array(vec![example]);
    }
    value
}

/// Completes the schema of a problem document with the URLs of the kinds.
fn locate_problems(schema: &mut Value, site: &PublicUrl) {
    let urls = ProblemKind::ALL.map(|kind| Value::from(site.url_to(&kind.path())));
    let property = &mut schema["properties"]["type"];
    property["format"] = "uri-reference".into();
    property["enum"] = urls.to_vec().into();
    // The names that generators of clients give the values.
    let names = ProblemKind::ALL.map(|kind| kind.name().to_uppercase().replace('-', "_"));
    property["x-enum-varnames"] = names.to_vec().into();
    for example in schema["examples"].as_array_mut().into_iter().flatten() {
        example["type"] = site.url_to(&ProblemKind::SourceRefused.path()).into();
    }
}

/// The public part of a task.
#[derive(Deserialize, ToSchema)]
#[schema(as = TaskView)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema and the test below use it")]
pub(super) struct TaskSchema {
    /// Unique among the tasks
    #[schema(value_type = schema::TaskIdSchema)]
    id: String,
    /// A short title
    title: String,
    /// The kind of skill that it tests
    #[schema(value_type = Option<schema::FamilySchema>)]
    family: Option<String>,
    /// Its weight in the score of an agent
    weight: Option<u32>,
    /// The prompt, exactly as the agent gets it
    prompt: String,
    /// The form of the answer
    #[schema(value_type = schema::TaskKindSchema)]
    kind: String,
    /// The name that an answer in code has to define
    entry_point: Option<String>,
    /// The public cases
    examples: Vec<ExampleSchema>,
    /// Number of cases in a round, including hidden ones
    cases: Option<u64>,
    /// How a trial is scored, as a sentence
    scoring: Option<String>,
    /// The limits of a trial; the names end in their units
    limits: BTreeMap<String, u64>,
}

/// An entry of the list of tasks.
#[derive(Deserialize, ToSchema)]
#[schema(as = ListedTask)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema and the test below use it")]
pub(super) enum ListedTaskSchema {
    /// A task that everyone knows
    Public(Box<TaskSchema>),
    /// The private tasks of the latest round
    Private(PrivateListing),
}

/// A public case.
#[derive(Deserialize, ToSchema)]
#[schema(as = Example)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema and the test below use it")]
pub(super) struct ExampleSchema {
    /// The call as a Python expression
    call: String,
    /// The expected value
    expected: String,
}

/// An event of the stream about a running round.
#[derive(ToSchema)]
#[schema(as = LiveEvent)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct LiveEventSchema {
    /// `progress` or `ended`
    #[schema(pattern = "^(progress|ended)$")]
    event: String,
    /// The figures as JSON; the id of the round at its end
    data: String,
}

/// The parts of an upload.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct UploadForm {
    /// The agent: one Python 3.11 file that imports only the standard library. The part needs a file name
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The agent's owner
    miner_id: MinerId,
    /// The token of the first upload, for forms: programs send it in the header
    token: Option<String>,
    /// A name to show next to the id: at most 64 characters. Empty to remove it; without the part it stays
    #[schema(max_length = 64)]
    display_name: Option<String>,
    /// The address of a web page to link: http or https. Empty to remove it; without the part it stays
    #[schema(max_length = 200)]
    url: Option<String>,
}

/// The state of the server.
#[derive(serde::Serialize, ToSchema)]
pub(super) struct HealthStatus {
    /// Always `ok`
    #[schema(examples("ok"))]
    pub(super) status: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_of_other_crates_match_what_is_sent() {
        for task in tasks::all() {
            let sent = serde_json::to_value(task.view()).unwrap();
            serde_json::from_value::<TaskSchema>(sent).unwrap();
        }
    }
}
