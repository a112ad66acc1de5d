//! Bodies of JSON, and sentences that say what is wrong with one.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::api::ProblemKind;
use crate::server::problem::ProblemResponse;

/// How messages of the deserializer itself begin. Others come from the types of the API and are sentences for people.
const MACHINE_WORDS: [&str; 6] =
    ["invalid ", "unknown ", "missing field ", "duplicate field ", "data did not ", "expected "];

/// Parses the whole body.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProblemResponse> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    let value = parsed.map_err(|error| {
        let path = error.path().to_string();
        refusal(&path, error.inner())
    })?;
    deserializer.end().map_err(|error| refusal(".", &error))?;
    Ok(value)
}

fn refusal(path: &str, error: &serde_json::Error) -> ProblemResponse {
    if error.classify() != Category::Data {
        let (line, column) = (error.line(), error.column());
        let detail = format!("the body is not JSON: line {line}, column {column}");
        return ProblemResponse::new(ProblemKind::BodyMalformed, detail);
    }
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let field = if path == "." { "the document".to_owned() } else { format!("`{path}`") };
    let detail = if let Some(rest) = message.strip_prefix("missing field `") {
        let name = rest.trim_end_matches('`');
        let inside = if path == "." { name.to_owned() } else { format!("{path}.{name}") };
        format!("`{inside}` is missing: /openapi.json describes the document")
    } else if MACHINE_WORDS.iter().any(|words| message.starts_with(words)) {
        format!("{field} is not of the type that /openapi.json describes")
    } else {
        format!("{field}: {message}")
    };
    ProblemResponse::new(ProblemKind::ContentRefused, detail)
}

#[cfg(test)]
mod tests {
    use crate::api::Receipt;

    use super::*;

    #[test]
    fn sentences_name_the_field_and_what_is_expected() {
        let right = serde_json::json!({
            "miner_id": "me", "version": 1, "sha256": "0".repeat(64), "uploaded_at": "2026-01-01T00:00:00Z",
        });
        parse::<Receipt>(right.to_string().as_bytes()).unwrap();
        let check = |text: String, kind: ProblemKind, detail: &str| {
            let problem = parse::<Receipt>(text.as_bytes()).unwrap_err();
            assert_eq!((problem.kind(), problem.detail()), (Some(kind), detail), "{text}");
        };
        let changed = |name: &str, value: serde_json::Value| {
            let mut changed = right.clone();
            changed[name] = value;
            changed.to_string()
        };
        let refused = ProblemKind::ContentRefused;
        check("{\n".into(), ProblemKind::BodyMalformed, "the body is not JSON: line 2, column 0");
        check(format!("{right}x"), ProblemKind::BodyMalformed, &{
            let column = right.to_string().len() + 1;
            format!("the body is not JSON: line 1, column {column}")
        });
        let typed = "`version` is not of the type that /openapi.json describes";
        check(changed("version", "x".into()), refused, typed);
        check(changed("version", (-1).into()), refused, typed);
        check("[]".into(), refused, "the document is not of the type that /openapi.json describes");
        check("{}".into(), refused, "`miner_id` is missing: /openapi.json describes the document");
        check(
            changed("miner_id", "ME".into()),
            refused,
            "`miner_id`: 'ME' is not a miner id: expected 1 to 64 of a-z, 0-9, _ and -, starting with a letter or a digit",
        );
    }
}
