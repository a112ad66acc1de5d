//! Findings: the answer to a task that asks where a file is weak. Nothing of it is run; it is read
//! here and held against the weaknesses that were planted.
//!
//! The rules are narrow so that naming every line and every weakness, or naming none, earns
//! nothing.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Most findings in an answer. More than any file has weaknesses, and far fewer than it has lines.
pub const MAX_FINDINGS: usize = 10;

/// The format of an answer, as every prompt of a findings task states it.
pub const FORMAT: &str = "\
Answer with JSON and nothing else: a list of objects, one for each weakness, such as
[{\"line\": 12, \"cwe\": \"CWE-89\", \"why\": \"user input becomes part of the SQL text\"}]
\"line\" is the number, as it stands before it in the listing, of the line that does what is described
above; if two lines do it together, either will do. \"cwe\" is one of the identifiers above, and \"why\"
is a short sentence. Name each weakness once, never two for one line, and at most 10 in all. A finding
that is no weakness counts as a false alarm.";

/// One finding of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The line that it points at, from 1.
    pub line: u32,
    /// The weakness's number in the Common Weakness Enumeration.
    #[serde(deserialize_with = "cwe")]
    pub cwe: u32,
    /// A sentence for people. It must be there, and is not judged.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CWE-{} at line {}", self.cwe, self.line)
    }
}

/// A weakness that was planted.
#[derive(Clone, Debug, Serialize)]
pub struct Weakness {
    /// The first line that may be named for it, from 1.
    pub first_line: u32,
    /// The last one.
    pub last_line: u32,
    /// Its number in the Common Weakness Enumeration.
    pub cwe: u32,
}

impl Weakness {
    /// Whether the finding points at this weakness.
    pub fn is_named_by(&self, finding: &Finding) -> bool {
        (self.first_line..=self.last_line).contains(&finding.line) && finding.cwe == self.cwe
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first_line, last_line, cwe } = self;
        write!(f, "CWE-{cwe} at line {first_line}")?;
        if first_line == last_line { Ok(()) } else { write!(f, " to {last_line}") }
    }
}

/// Why an answer cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum NoFindings {
    /// It is not JSON of the format.
    #[error("the answer is no JSON list of {{line, cwe, why}}: {0}")]
    Format(#[from] serde_json::Error),
    /// It names more than a reviewer would.
    #[error("the answer has {0} findings, at most {MAX_FINDINGS} are allowed")]
    TooMany(usize),
    /// It names a line more than once.
    #[error("the answer has two findings for line {0}")]
    SameLine(u32),
}

/// Reads an answer.
pub fn parse(answer: &str) -> Result<Vec<Finding>, NoFindings> {
    let findings: Vec<Finding> = serde_json::from_str(answer)?;
    if findings.len() > MAX_FINDINGS {
        return Err(NoFindings::TooMany(findings.len()));
    }
    let mut lines = HashSet::new();
    match findings.iter().find(|finding| !lines.insert(finding.line)) {
        Some(again) => Err(NoFindings::SameLine(again.line)),
        None => Ok(findings),
    }
}

/// `89`, `"89"` or `"CWE-89"`: people write all three.
fn cwe<'de, D: Deserializer<'de>>(input: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u32),
        Text(String),
    }
    match Written::deserialize(input)? {
        Written::Number(number) => Ok(number),
        Written::Text(text) => {
            let digits = text.trim().to_ascii_uppercase();
            let digits = digits.strip_prefix("CWE-").unwrap_or(&digits);
            digits.parse().map_err(|_| de::Error::custom("a cwe is written like \"CWE-89\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Outcome, Verdict};

    #[test]
    fn the_format_that_prompts_state_is_the_one_that_is_read() {
        let example = FORMAT.lines().nth(1).unwrap();
        assert_eq!(parse(example).unwrap()[0].cwe, 89);
        assert!(FORMAT.contains(&format!("at most {MAX_FINDINGS} in all")));
    }

    #[test]
    fn a_cwe_may_be_written_in_three_ways() {
        for written in ["89", "\"89\"", "\"CWE-89\"", "\"cwe-89\""] {
            let answer = format!(r#"[{{"line": 1, "cwe": {written}, "why": "x"}}]"#);
            assert_eq!(parse(&answer).unwrap()[0].cwe, 89, "{written}");
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        let one = |line: u32| format!(r#"{{"line": {line}, "cwe": 1, "why": ""}}"#);
        let many: Vec<_> = (1..=11).map(one).collect();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            "[1]".to_owned(),
            r#"[{"line": 1, "cwe": 1}]"#.to_owned(),
            r#"[{"line": -1, "cwe": 1, "why": ""}]"#.to_owned(),
            r#"[{"line": 1, "cwe": "SQL", "why": ""}]"#.to_owned(),
            format!("[{}, {}]", one(3), one(3)),
            format!("[{}]", many.join(",")),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn a_weakness_is_found_by_its_line_and_its_kind_and_nothing_else_is_reported() {
        let weakness = |line| Weakness { first_line: line, last_line: line + 1, cwe: 89 };
        let finding = |line, cwe| Finding { line, cwe, why: String::new() };
        let finds = Check::Finds(weakness(5));
        let only = Check::OnlyFinds(vec![weakness(5), weakness(9)]);
        let check = |check: &Check, findings: &[Finding], right: bool| {
            let verdict = check.judge(&Outcome::Found(findings.to_vec()));
            assert_eq!(verdict == Verdict::Accepted, right, "{check}: {findings:?}");
        };
        check(&finds, &[finding(5, 89)], true);
        check(&finds, &[finding(6, 89)], true);
        check(&finds, &[finding(7, 89)], false);
        check(&finds, &[finding(5, 78)], false);
        check(&only, &[finding(5, 89)], true);
        check(&only, &[finding(5, 89), finding(10, 89)], true);
        check(&only, &[finding(5, 89), finding(7, 89)], false);
        check(&only, &[], false);
    }
}
