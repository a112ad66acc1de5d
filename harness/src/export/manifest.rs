//! What is in an export: the names of its files, what they were made with, and their digests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tasks::{Sha256, TaskId};

/// The report, with every trial.
pub const REPORT: &str = "report.json";
/// The published ranking, as the store holds it.
pub const RANKING: &str = "ranking.json";
/// What the export was made with.
pub const MANIFEST: &str = "export.json";
/// The digests of all other files, as `sha256sum` writes them.
pub const SUMS: &str = "SHA256SUMS";
/// What the files are, for people.
pub const README: &str = "README.md";
/// The text that is signed.
pub const STATEMENT: &str = "statement.txt";
/// Its signature.
pub const SIGNATURE: &str = "statement.txt.sig";
/// The key that it was made with, as `ssh-keygen -Y verify -f` takes it.
pub const SIGNERS: &str = "allowed_signers";
/// The problems of the round's benchmark.
pub const PROBLEMS: &str = "benchmark/problems.jsonl";
/// The directory of the expected values of the benchmark.
pub const EXPECTED: &str = "expected";
/// The directory of what the agents asked a model.
pub const JOURNAL: &str = "model-journal";

/// The name of an agent's source in an export.
pub fn source_name(sha256: &Sha256) -> String {
    format!("agents/{sha256}.py")
}

/// The name of a task's definition in an export.
pub fn task_name(id: &TaskId) -> String {
    format!("tasks/{id}.json")
}

/// The content of [`MANIFEST`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportManifest {
    /// The version of the arena that wrote it
    pub arena: String,
    /// The round
    pub round: String,
    /// What the agents were judged on, unless it was the built-in tasks
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<ExportedBenchmark>,
}

/// How a benchmark in an export is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedBenchmark {
    /// Memory that an answer may use, in bytes
    pub memory_bytes: u64,
    /// Whether answers may import packages of the image
    pub site_packages: bool,
}

/// The digests of files, by their names.
pub type FileSums = BTreeMap<String, Sha256>;

/// Formats digests as `sha256sum` does.
pub fn format_sums(sums: &FileSums) -> String {
    let mut text = String::new();
    for (name, sha256) in sums {
        text.push_str(&format!("{sha256}  {name}\n"));
    }
    text
}

/// Parses what [`format_sums`] writes; otherwise the number of the wrong line, from 1.
pub fn parse_sums(text: &str) -> Result<FileSums, usize> {
    let mut sums = FileSums::new();
    for (line, number) in text.lines().zip(1..) {
        let (sha256, name) = line.split_once("  ").ok_or(number)?;
        let sha256 = sha256.parse().map_err(|_| number)?;
        if sums.insert(name.to_owned(), sha256).is_some() {
            return Err(number);
        }
    }
    if format_sums(&sums) == text { Ok(sums) } else { Err(text.lines().count()) }
}

/// Lists the files below a directory, by their names relative to it. A link counts as a file.
pub fn files_below(directory: &Path) -> std::io::Result<BTreeMap<String, PathBuf>> {
    let (mut found, mut left) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            } else {
                let path = entry.path();
                let name = path.strip_prefix(directory).unwrap_or(&path);
                found.insert(name.to_string_lossy().into_owned(), path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_as_they_are_written() {
        let sums = FileSums::from([
            ("a b".to_owned(), Sha256::of(b"1")),
            ("agents/x.py".to_owned(), Sha256::of(b"2")),
        ]);
        let text = format_sums(&sums);
        assert_eq!(parse_sums(&text), Ok(sums));
        assert_eq!(parse_sums(&text.replace("  a b", " a b")), Err(1));
        assert_eq!(parse_sums(&format!("{text}{text}")), Err(3));
        assert_eq!(parse_sums(&format!("{text}x")), Err(3));
        assert_eq!(parse_sums(text.trim_end()), Err(2));
    }
}
