//! The digest of a report: any change of the document after it was written shows.
//!
//! It starts as the SHA-256 of nothing. Each part, in the order round, trials, rankings, makes the next one: the
//! SHA-256 of the previous digest in hex, the part's name, and the part as JSON with sorted keys and without spaces,
//! joined by line feeds.

use serde_json::Value;
use tasks::Sha256;

/// The digest of the parts of a report so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportDigest(Sha256);

impl ReportDigest {
    /// The digest of a report that has only its round.
    pub fn of_round(round: &Value) -> Self {
        let mut digest = Self(Sha256::of(b""));
        digest.add("round", round);
        digest
    }

    /// Adds the next trial.
    pub fn add_trial(&mut self, trial: &Value) {
        self.add("trial", trial);
    }

    /// Adds the next ranking.
    pub fn add_ranking(&mut self, ranking: &Value) {
        self.add("ranking", ranking);
    }

    /// The digest of all parts so far.
    pub fn value(&self) -> Sha256 {
        self.0.clone()
    }

    fn add(&mut self, name: &str, part: &Value) {
        let mut text = format!("{}\n{name}\n", self.0);
        write_canonical(part, &mut text);
        self.0 = Sha256::of(text.as_bytes());
    }
}

/// Writes JSON with sorted keys, whatever order the map keeps.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<_> = fields.keys().collect();
            keys.sort();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(&fields[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_form_is_stable() {
        let mut text = String::new();
        write_canonical(&json!({"b": [1, 2.5, "x\n"], "a": {"d": null, "c": true}}), &mut text);
        assert_eq!(text, r#"{"a":{"c":true,"d":null},"b":[1,2.5,"x\n"]}"#);
    }

    #[test]
    fn depends_on_every_part_and_its_kind() {
        let round = json!({"id": "r"});
        let digest = |add: fn(&mut ReportDigest)| {
            let mut digest = ReportDigest::of_round(&round);
            add(&mut digest);
            digest.value()
        };
        let digests = [
            digest(|_| ()),
            digest(|d| d.add_trial(&json!(1))),
            digest(|d| d.add_ranking(&json!(1))),
            digest(|d| d.add_trial(&json!(2))),
        ];
        for (index, one) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(one));
        }
    }
}
