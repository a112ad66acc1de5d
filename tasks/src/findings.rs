//! Findings: the answer to a review task. It is parsed here and compared with the planted weaknesses; nothing
//! is run.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::error::Category;

/// Maximum number of findings in an answer: more than the weaknesses of any file, far fewer than its lines.
pub const MAX_FINDINGS: usize = 10;

/// The format of an answer, as every prompt of a findings task states it.
pub const FORMAT: &str = "\
Answer with JSON and nothing else: a list of objects, one for each weakness, such as
[{\"line\": 12, \"cwe\": \"CWE-89\", \"why\": \"user input becomes part of the SQL text\"}]
\"line\" is the number, as it stands before it in the listing, of the line that does what is described
above; if two lines do it together, either will do. \"cwe\" is one of the identifiers above, and \"why\"
is a short sentence. Name each weakness once, never two for one line, and at most 10 in all. A finding
that is not a weakness is a false alarm, and each false alarm cancels one weakness that you found.";

/// One finding of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// One-based line number.
    pub line: u32,
    /// Number of the weakness in the Common Weakness Enumeration.
    #[serde(deserialize_with = "cwe")]
    pub cwe: u32,
    /// An explanation for people. It is required but not judged.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CWE-{} at line {}", self.cwe, self.line)
    }
}

/// A planted weakness.
#[derive(Clone, Debug, Serialize)]
pub struct Weakness {
    /// One-based number of the first line that may be named for it.
    pub first_line: u32,
    /// One-based number of the last such line.
    pub last_line: u32,
    /// Its number in the Common Weakness Enumeration.
    pub cwe: u32,
}

impl Weakness {
    /// Returns whether the finding names this weakness.
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

/// The reason why an answer cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum ParseFindingsError {
    /// The answer is not JSON of the required form.
    #[error(
        "the answer is not a JSON list of {{line, cwe, why}}: {what} (line {line}, column {column})"
    )]
    Format {
        /// What is wrong
        what: &'static str,
        /// The line of the answer where reading it stopped, from 1
        line: usize,
        /// The column, from 1; 0 before the first character of a line
        column: usize,
    },
    /// The answer has too many findings.
    #[error("the answer has {0} findings; at most {MAX_FINDINGS} are allowed")]
    TooMany(usize),
    /// The answer names a line more than once.
    #[error("the answer has more than one finding for line {0}")]
    SameLine(u32),
}

impl From<serde_json::Error> for ParseFindingsError {
    /// Reports are read by miners, so a parser's words for what it expected do not belong there.
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            Category::Eof => "it ends too early",
            Category::Data => "a value has another type, or a field is missing",
            Category::Syntax | Category::Io => "it is not JSON",
        };
        Self::Format { what, line: error.line(), column: error.column() }
    }
}

/// Parses an answer.
pub fn parse(answer: &str) -> Result<Vec<Finding>, ParseFindingsError> {
    let findings: Vec<Finding> = serde_json::from_str(answer)?;
    if findings.len() > MAX_FINDINGS {
        return Err(ParseFindingsError::TooMany(findings.len()));
    }
    let mut lines = HashSet::new();
    match findings.iter().find(|finding| !lines.insert(finding.line)) {
        Some(again) => Err(ParseFindingsError::SameLine(again.line)),
        None => Ok(findings),
    }
}

/// Parses a CWE number written as `89`, `"89"` or `"CWE-89"`.
fn cwe<'de, D: Deserializer<'de>>(input: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum WrittenCwe {
        Number(u32),
        Text(String),
    }
    match WrittenCwe::deserialize(input)? {
        WrittenCwe::Number(number) => Ok(number),
        WrittenCwe::Text(text) => {
            let digits = text.to_ascii_uppercase();
            let digits = digits.strip_prefix("CWE-").unwrap_or(&digits);
            // `parse` alone would take a sign.
            let number =
                digits.parse().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()));
            number.ok_or_else(|| de::Error::custom("a cwe must be written like \"CWE-89\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_format_stated_in_prompts() {
        let example = FORMAT.lines().nth(1).unwrap();
        assert_eq!(parse(example).unwrap()[0].cwe, 89);
        assert!(FORMAT.contains(&format!("at most {MAX_FINDINGS} in all")));
    }

    #[test]
    fn parses_three_spellings_of_a_cwe() {
        for written in ["89", "\"89\"", "\"CWE-89\"", "\"cwe-89\""] {
            let answer = format!(r#"[{{"line": 1, "cwe": {written}, "why": "x"}}]"#);
            assert_eq!(parse(&answer).unwrap()[0].cwe, 89, "{written}");
        }
    }

    #[test]
    fn says_in_its_own_words_why_an_answer_is_no_list() {
        let form = "the answer is not a JSON list of {line, cwe, why}: ";
        for (answer, why) in [
            ("", "it ends too early (line 1, column 0)"),
            ("[{\"line\": 1,", "it ends too early (line 1, column 12)"),
            ("no findings", "it is not JSON (line 1, column 2)"),
            ("[]\n[]", "it is not JSON (line 2, column 1)"),
            ("{}", "a value has another type, or a field is missing (line 1, column 0)"),
            (
                "[{\"line\": 1}]",
                "a value has another type, or a field is missing (line 1, column 12)",
            ),
        ] {
            assert_eq!(parse(answer).unwrap_err().to_string(), format!("{form}{why}"), "{answer}");
        }
    }

    #[test]
    fn rejects_malformed_answers() {
        let one = |line: u32| format!(r#"{{"line": {line}, "cwe": 1, "why": ""}}"#);
        let ten: Vec<_> = (1..=10).map(one).collect();
        assert_eq!(parse(&format!("[{}]", ten.join(","))).unwrap().len(), MAX_FINDINGS);
        let many: Vec<_> = (1..=11).map(one).collect();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            "[1]".to_owned(),
            r#"[{"line": 1, "cwe": 1}]"#.to_owned(),
            r#"[{"line": -1, "cwe": 1, "why": ""}]"#.to_owned(),
            r#"[{"line": 1, "cwe": "SQL", "why": ""}]"#.to_owned(),
            r#"[{"line": 1, "cwe": "CWE-+89", "why": ""}]"#.to_owned(),
            r#"[{"line": 1, "cwe": "+89", "why": ""}]"#.to_owned(),
            r#"[{"line": 1, "cwe": "CWE-", "why": ""}]"#.to_owned(),
            r#"[{"line": 1, "cwe": "89\u00a0", "why": ""}]"#.to_owned(),
            format!("[{}, {}]", one(3), one(3)),
            format!("[{}]", many.join(",")),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong} was accepted");
        }
    }
}
