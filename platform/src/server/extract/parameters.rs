//! Sentences that say which parameter of a URL is not valid, and what it takes. They follow the description of the API, so
//! that both say the same.

use axum::extract::Query;
use axum::http::Uri;
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::IntoParams;

/// The maximum number of characters of a value that an error quotes.
const MAX_QUOTED: usize = 40;

/// Returns what is wrong with a query that is not a `T`.
pub(super) fn refusal<T: DeserializeOwned + IntoParams>(query: &str) -> String {
    let mut url = Url::parse("http://host/").expect("a constant URL");
    url.set_query(Some(query));
    let pairs: Vec<_> = url.query_pairs().collect();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            return format!("{} is given twice", quoted('`', name));
        }
        let mut alone = Url::parse("http://host/").expect("a constant URL");
        alone.query_pairs_mut().append_pair(name, value);
        let alone: Option<Uri> = alone.as_str().parse().ok();
        if alone.is_none_or(|alone| Query::<T>::try_from_uri(&alone).is_err()) {
            let (name, value) = (quoted('`', name), quoted('\'', value));
            return match expected::<T>(name.trim_matches('`')) {
                Some(expected) => format!("{name} is {value}: expected {expected}"),
                None => format!("{name} is {value}, which it does not take"),
            };
        }
    }
    "the parameters exclude each other".to_owned()
}

/// Returns what the parameter takes, as its schema describes it.
fn expected<T: IntoParams>(name: &str) -> Option<String> {
    let parameters = serde_json::to_value(T::into_params(|| None)).ok()?;
    let parameter = parameters.as_array()?.iter().find(|parameter| parameter["name"] == name)?;
    let schema = &parameter["schema"];
    let is_of = |kind: &str| match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|known| known == kind),
        known => known == kind,
    };
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
        return Some(format!("one of {}", choices.join(", ")));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        return Some(format!("text that matches {pattern}"));
    }
    if is_of("boolean") {
        return Some("true or false".to_owned());
    }
    if is_of("integer") {
        let bound = |name: &str| schema[name].as_f64();
        return Some(match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!("an integer from {least} to {most}"),
            (Some(least), None) => format!("an integer of {least} or more"),
            _ => "an integer".to_owned(),
        });
    }
    parameter["description"].as_str().map(str::to_owned)
}

/// Returns the text escaped and shortened between two marks.
fn quoted(mark: char, text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        shown.push('…');
    }
    format!("{mark}{shown}{mark}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, IntoParams)]
    #[into_params(parameter_in = Query)]
    #[expect(dead_code, reason = "only its schema and its parser are used")]
    struct TestParams {
        #[param(minimum = 1, maximum = 1000)]
        limit: Option<usize>,
        #[serde(default)]
        partial: bool,
        #[param(value_type = Option<String>, pattern = "^[a-z]+$")]
        after: Option<crate::api::MinerId>,
    }

    #[test]
    fn sentences_name_the_parameter_and_what_it_takes() {
        let check = |query: &str, expected: &str| {
            let uri: Uri = format!("/?{query}").parse().unwrap();
            assert!(Query::<TestParams>::try_from_uri(&uri).is_err(), "{query}");
            assert_eq!(refusal::<TestParams>(query), expected, "{query}");
        };
        check("limit=x", "`limit` is 'x': expected an integer from 1 to 1000");
        check("after=a&limit=", "`limit` is '': expected an integer from 1 to 1000");
        check("partial=yes", "`partial` is 'yes': expected true or false");
        check("after=A%0A%1B", "`after` is 'A\\n\\u{1b}': expected text that matches ^[a-z]+$");
        check("limit=1&limit=2", "`limit` is given twice");
        let long = format!("limit={}", "9".repeat(100));
        let shown = format!("`limit` is '{}…': expected an integer from 1 to 1000", "9".repeat(40));
        check(&long, &shown);
    }
}
