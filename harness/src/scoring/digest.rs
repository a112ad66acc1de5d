//! The digests of a report: of the document, so that any change after it was written shows, and of the round's trials,
//! which does not depend on how the document shows them.
//!
//! The first starts as the SHA-256 of nothing. Each part, in the order round, trials, rankings, signature, makes the next one: the
//! SHA-256 of the previous digest in hex, the part's name, and the part as JSON with sorted keys and without spaces,
//! joined by line feeds.

use platform::api::canonical_json;
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

    /// Adds the signature of the ranking.
    pub fn add_signature(&mut self, signature: &Value) {
        self.add("signature", signature);
    }

    /// The digest of all parts so far.
    pub fn value(&self) -> Sha256 {
        self.0.clone()
    }

    fn add(&mut self, name: &str, part: &Value) {
        let text = format!("{}\n{name}\n{}", self.0, canonical_json(part));
        self.0 = Sha256::of(text.as_bytes());
    }
}

/// The digest of the trials of a closed round, which its ranking states. It is the same in whatever order a report has
/// them, and whatever `--disclose` shows of them: what a report may round or withhold is left out.
///
/// It is the SHA-256 of the sorted SHA-256 of all trials in hex, each with a line feed. The digest of a trial is that of
/// its JSON with sorted keys and without spaces.
#[derive(Clone, Debug, Default)]
pub struct TrialsDigest(Vec<Sha256>);

/// Fields of a trial that a report may round.
const ROUNDED: [&str; 3] = ["wall_ms", "cpu_ms", "peak_memory_bytes"];
/// Fields of a case that a report may withhold.
const WITHHELD: [&str; 2] = ["verdict", "detail"];

impl TrialsDigest {
    /// Adds a trial as a report has it.
    pub fn add(&mut self, trial: &Value) {
        let mut trial = trial.clone();
        if let Some(fields) = trial.as_object_mut() {
            fields.retain(|name, _| !ROUNDED.contains(&name.as_str()));
        }
        for case in list_mut(&mut trial, "cases") {
            if let Some(fields) = case.as_object_mut() {
                fields.retain(|name, _| !WITHHELD.contains(&name.as_str()));
            }
        }
        // The text of an earlier attempt's fault may be withheld, but not that there was one.
        for attempt in list_mut(&mut trial, "attempts") {
            let has_fault = !attempt["fault"].is_null();
            attempt["fault"] = has_fault.into();
        }
        self.0.push(Sha256::of(canonical_json(&trial).as_bytes()));
    }

    /// The digest of all trials that were added.
    pub fn value(mut self) -> Sha256 {
        self.0.sort();
        let mut lines = String::new();
        for digest in &self.0 {
            lines.push_str(digest.as_str());
            lines.push('\n');
        }
        Sha256::of(lines.as_bytes())
    }
}

/// The objects in a field of a trial.
fn list_mut<'a>(trial: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    let items = trial.get_mut(name).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter(|item| item.is_object())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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

    #[test]
    fn digest_of_trials_depends_on_what_every_report_states() {
        let of = |trials: &[Value]| {
            let mut digest = TrialsDigest::default();
            for trial in trials {
                digest.add(trial);
            }
            digest.value()
        };
        let trial = |name: &str| {
            json!({"miner_id": name, "wall_ms": 1, "stdout": "x", "attempts": [{"fault": "lost"}, {"fault": null}],
                   "cases": [{"name": "a", "passed": false, "verdict": "WA", "detail": "1"}]})
        };
        let (a, b) = (trial("a"), trial("b"));
        let whole = of(&[a.clone(), b.clone()]);
        assert_eq!(of(&[b.clone(), a.clone()]), whole);
        let changed = |pointer: &str, value: Value| {
            let mut other = a.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            of(&[other, b.clone()])
        };
        for (pointer, value) in [
            ("/wall_ms", json!(2)),
            ("/cases/0/verdict", json!("TLE")),
            ("/cases/0/detail", json!("")),
            ("/attempts/0/fault", json!("a fault of the arena")),
        ] {
            assert_eq!(changed(pointer, value), whole, "{pointer}");
        }
        for (pointer, value) in [
            ("/miner_id", json!("c")),
            ("/stdout", json!("y")),
            ("/cases/0/passed", json!(true)),
            ("/cases/0/name", json!("b")),
            ("/attempts/0/fault", Value::Null),
        ] {
            assert_ne!(changed(pointer, value), whole, "{pointer}");
        }
        assert_ne!(of(std::slice::from_ref(&a)), whole);
        assert_ne!(of(&[a.clone(), b.clone(), b]), whole);
    }
}
