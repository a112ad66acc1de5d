//! Public benchmarks: their files and their problems.
//!
//! A file is read line by line, and a problem's inputs are parsed only while it is judged, because a benchmark is
//! larger than what is needed of it at one time.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tasks::benchmark::{BenchmarkProblem, Format, ProblemError};
use tasks::{Sha256, TaskId};

/// The warning about a benchmark whose verdicts a candidate can forge.
pub const ADVISORY: &str = "advisory: these verdicts rest on assertions that run in the candidate's process; they never rank anyone \
                            publicly";

/// The first bytes of a file that gzip wrote.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A benchmark's file, as `--benchmark` names it: `evalplus:FILE`, `humaneval:FILE` or `mbpp:FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchmarkFile {
    /// The format of its problems
    pub format: Format,
    /// Its path
    pub path: PathBuf,
}

/// The text does not name a benchmark's file.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a benchmark; expected 'evalplus:FILE', 'humaneval:FILE' or 'mbpp:FILE'")]
pub struct ParseBenchmarkFileError(String);

impl BenchmarkFile {
    /// Whether verdicts on it rest on assertions that run in the candidate's process, which can forge them.
    pub fn is_advisory(&self) -> bool {
        self.format.is_advisory()
    }
}

impl FromStr for BenchmarkFile {
    type Err = ParseBenchmarkFileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = match text.split_once(':') {
            Some(("evalplus", path)) if !path.is_empty() => (Format::EvalPlus, path),
            Some(("humaneval", path)) if !path.is_empty() => (Format::HumanEval, path),
            Some(("mbpp", path)) if !path.is_empty() => (Format::Mbpp, path),
            _ => return Err(ParseBenchmarkFileError(text.to_owned())),
        };
        Ok(Self { format, path: path.into() })
    }
}

/// Why a benchmark's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}; name a JSONL file, plain or compressed with gzip", .path.display())]
    File {
        /// The file
        path: PathBuf,
        /// The system's answer
        cause: std::io::Error,
    },
    /// A line is not a problem.
    #[error("{}, line {line}: {cause}", .path.display())]
    Line {
        /// The file
        path: PathBuf,
        /// The line number, from 1
        line: usize,
        /// What is wrong with it
        cause: ProblemError,
    },
    /// Two lines hold the same problem.
    #[error("{}, line {line}: duplicate problem {name}", .path.display())]
    Twice {
        /// The file
        path: PathBuf,
        /// The line number, from 1
        line: usize,
        /// The problem
        name: String,
    },
    /// The file has no lines.
    #[error("{} contains no problems", .0.display())]
    Empty(PathBuf),
}

/// A benchmark: its problems, as lines of the file.
#[derive(Debug)]
pub struct Benchmark {
    /// The problems, in the order of the file
    pub entries: Vec<BenchmarkEntry>,
    /// Memory that an answer may use, in bytes
    pub memory_bytes: u64,
    /// Digest of the file as it is, compressed or not
    pub sha256: Sha256,
    format: Format,
}

/// One problem of a benchmark.
#[derive(Debug)]
pub struct BenchmarkEntry {
    /// Its name in the benchmark
    pub name: String,
    /// Its name as a task
    pub id: TaskId,
    line: String,
}

impl Benchmark {
    /// Whether verdicts on it rest on assertions that run in the candidate's process, which can forge them.
    pub fn is_advisory(&self) -> bool {
        self.format.is_advisory()
    }

    /// Reads a file, plain or compressed, and checks every line of it. Answers may use `memory_bytes`.
    pub fn read(file: &BenchmarkFile, memory_bytes: u64) -> Result<Self, BenchmarkError> {
        let path = || file.path.clone();
        let unreadable = |cause| BenchmarkError::File { path: path(), cause };
        let bytes = std::fs::read(&file.path).map_err(unreadable)?;
        let sha256 = Sha256::of(&bytes);
        let text = text_of(bytes).map_err(unreadable)?;
        let (mut entries, mut names) = (Vec::new(), HashSet::new());
        for (text, line) in lines(&text) {
            let problem = BenchmarkProblem::parse(text, file.format)
                .map_err(|cause| BenchmarkError::Line { path: path(), line, cause })?;
            if !names.insert(problem.id.clone()) {
                return Err(BenchmarkError::Twice { path: path(), line, name: problem.name });
            }
            entries.push(BenchmarkEntry {
                name: problem.name,
                id: problem.id,
                line: text.to_owned(),
            });
        }
        if entries.is_empty() {
            return Err(BenchmarkError::Empty(path()));
        }
        Ok(Self { entries, memory_bytes, sha256, format: file.format })
    }

    /// Returns the benchmark with task ids that reveal nothing of its problems but their places.
    #[must_use]
    pub fn into_private(mut self) -> Self {
        for (entry, number) in self.entries.iter_mut().zip(1..) {
            entry.id = TaskId::private(&self.sha256, number);
        }
        self
    }

    /// The place of each problem, by its name.
    pub fn places(&self) -> HashMap<&str, usize> {
        let names = self.entries.iter().enumerate();
        names.map(|(place, entry)| (entry.name.as_str(), place)).collect()
    }

    /// Its problems as lines of a plain file.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.line.as_str())
    }

    /// Digest of everything in the file that decides what a problem's canonical solution returns.
    pub fn digest(&self, index: usize) -> String {
        let line = Sha256::of(self.entries[index].line.as_bytes());
        format!("{line}\n{:?}", self.format)
    }

    /// Parses a problem record.
    pub fn problem(&self, index: usize) -> BenchmarkProblem {
        let BenchmarkEntry { line, id, .. } = &self.entries[index];
        let problem = BenchmarkProblem::parse(line, self.format);
        let problem = problem.expect("every line was checked when it was read");
        BenchmarkProblem { id: id.clone(), ..problem }
    }
}

/// The text of a file, plain or compressed with gzip.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    text_of(std::fs::read(path)?)
}

fn text_of(bytes: Vec<u8>) -> std::io::Result<String> {
    let mut text = String::new();
    if bytes.starts_with(&GZIP) {
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

/// The lines of a text that hold something, with their numbers from 1. As in Python, a carriage return ends a line, with
/// or without a line feed. A byte order mark is skipped.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split('\n').zip(1..);
    let lines = lines.flat_map(|(line, number)| line.split('\r').map(move |part| (part, number)));
    lines.filter(|(text, _)| !text.trim().is_empty())
}
