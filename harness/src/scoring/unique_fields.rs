//! A check of JSON that a parser into a map does not make: no object has a field twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// JSON in which no object has a field twice. Readers differ in which one they take, so a document with two would hold for
/// one reader what another one does not see.
pub struct UniqueFields;

impl<'de> Deserialize<'de> for UniqueFields {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = UniqueFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<UniqueFields, E> {
        Ok(UniqueFields)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<UniqueFields, E> {
        Ok(UniqueFields)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<UniqueFields, E> {
        Ok(UniqueFields)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<UniqueFields, E> {
        Ok(UniqueFields)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<UniqueFields, E> {
        Ok(UniqueFields)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<UniqueFields, E> {
        Ok(UniqueFields)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<UniqueFields, A::Error> {
        while seq.next_element::<UniqueFields>()?.is_some() {}
        Ok(UniqueFields)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueFields, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, UniqueFields)) = map.next_entry::<String, _>()? {
            if let Some(again) = names.replace(name) {
                let again = again.escape_debug();
                return Err(de::Error::custom(format!("an object has '{again}' more than once")));
            }
        }
        Ok(UniqueFields)
    }
}

#[cfg(test)]
mod tests {
    use super::UniqueFields;

    #[test]
    fn refuses_a_field_that_an_object_has_twice() {
        let fault = |json: &str| {
            serde_json::from_str::<UniqueFields>(json).err().map(|error| error.to_string())
        };
        for json in [r#"[null, true, -1, 1, 0.5, "a"]"#, r#"[{"a": 1, "b": {"a": 1}}, {"a": 1}]"#] {
            assert_eq!(fault(json), None, "{json}");
        }
        for json in [r#"{"a": 1, "a": 1}"#, r#"[[{"b": {"a": [], "c": 1, "\u0061": {}}}]]"#] {
            let fault = fault(json).expect(json);
            assert!(fault.contains("'a' more than once"), "{json}: {fault}");
        }
        assert!(fault(r#"{"a": 1"#).is_some());
    }
}
