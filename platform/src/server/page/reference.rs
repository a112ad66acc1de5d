//! The description of the API for people.

use maud::{Markup, html};
use serde_json::Value;

use crate::api::ProblemKind;
use crate::server::public_url::PublicUrl;

/// The content of the page about the API, from its `OpenAPI` description.
pub(in crate::server) fn reference(site: &PublicUrl, document: &Value) -> Markup {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    html! {
        h1 { "API" }
        p {
            (text(&document["info"]["description"])) " "
            "The same as OpenAPI 3.1: " a href=(site.path_to("/openapi.json")) { "openapi.json" } "."
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
                    h3 { "Responses" }
                    dl {
                        @for (status, response) in operation["responses"].as_object().unwrap_or(&empty) {
                            dt { code { (status) } }
                            dd {
                                (text(&response["description"]))
                                @for (kind, body) in response["content"].as_object().unwrap_or(&empty) {
                                    " (" code { (kind) } ", " (schema(&body["schema"])) ")"
                                }
                            }
                        }
                    }
                }
            }
        }
        (problems())
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

/// The kinds of problems. Each has the anchor that the `type` of a problem document names.
fn problems() -> Markup {
    html! {
        h2 #problems { "Problems" }
        p {
            "An error is a problem document (RFC 9457). Its " code { "type" } " is the URL of an entry of this list; its "
            code { "detail" } " says what to change."
        }
        dl {
            @for kind in ProblemKind::ALL {
                dt id=(kind.anchor()) { code { (kind.status()) " " (kind.name()) } }
                dd { (kind.title()) ". " (prose(kind.remedy())) }
            }
        }
    }
}

/// A sentence with code between backticks.
fn prose(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

/// The name of a schema, with a link to its description.
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
