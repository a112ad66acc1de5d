//! JSON in one form only, so that everyone who hashes the same data gets the same digest: sorted keys, no spaces.
//!
//! It is what Python writes with `json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` for numbers
//! from 0.0001 to 10^16, and rankings have no others.

use serde_json::Value;

/// Returns JSON with sorted keys and without spaces, whatever order the map keeps.
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
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
                write(&fields[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
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
        let value = json!({"b": [1, 2.5, "x\n"], "a": {"d": null, "c": true}});
        assert_eq!(canonical_json(&value), r#"{"a":{"c":true,"d":null},"b":[1,2.5,"x\n"]}"#);
    }
}
