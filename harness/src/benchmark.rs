//! Public benchmarks: their files, and what their canonical solutions return.
//!
//! Expected values come from running the canonical solution in a trusted container of its own, which no
//! candidate ever enters, and are kept under a key of everything that decided them. The files are read line
//! by line, and a problem's inputs are taken apart only while it is judged: a benchmark is larger than what
//! anybody needs of it at one time.

use std::collections::HashSet;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use platform::store::write_atomically;
use serde::{Deserialize, Serialize};
use tasks::benchmark::{Expected, Format, Problem, ProblemError};
use tasks::{CallOutcome, Case, Limits, Seed, Sha256, Task, TaskId};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::Fault;
use crate::runner::{ATTEMPTS, BACKOFF};
use crate::sandbox::{CallEnd, Container, Load, PROTOCOL_VERSION, Sandbox};

/// What a canonical solution may use. It is trusted, so this only ends what would never end.
const TRUSTED: Limits = Limits {
    call_cpu_ms: 60_000,
    calls_wall_ms: 600_000,
    value_bytes: 64 << 20,
    values_bytes: 1 << 30,
    ..Limits::STANDARD
};
/// The first bytes of a file that gzip wrote.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A benchmark's file, as `--suite` names it: `evalplus:FILE` or `humaneval:FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteFile {
    /// In which form it holds its problems
    pub format: Format,
    /// Where it is
    pub path: PathBuf,
}

/// The text names no benchmark's file.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a suite; 'evalplus:FILE' or 'humaneval:FILE' is wanted")]
pub struct ParseSuiteFileError(String);

impl SuiteFile {
    /// Whether verdicts on it rest on assertions that run beside the candidate, which can forge them.
    pub fn is_advisory(&self) -> bool {
        self.format == Format::HumanEval
    }
}

impl FromStr for SuiteFile {
    type Err = ParseSuiteFileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = match text.split_once(':') {
            Some(("evalplus", path)) if !path.is_empty() => (Format::EvalPlus, path),
            Some(("humaneval", path)) if !path.is_empty() => (Format::HumanEval, path),
            _ => return Err(ParseSuiteFileError(text.to_owned())),
        };
        Ok(Self { format, path: path.into() })
    }
}

/// A benchmark's file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}; name a JSONL file, plain or compressed with gzip", .path.display())]
    File {
        /// Which file
        path: PathBuf,
        /// What the system answered
        cause: std::io::Error,
    },
    /// A line is no problem.
    #[error("{}, line {line}: {cause}", .path.display())]
    Line {
        /// Which file
        path: PathBuf,
        /// Which line, from 1
        line: usize,
        /// What is wrong with it
        cause: ProblemError,
    },
    /// Two lines hold the same problem.
    #[error("{}, line {line}: {name} is there a second time", .path.display())]
    Twice {
        /// Which file
        path: PathBuf,
        /// Which line, from 1
        line: usize,
        /// The problem
        name: String,
    },
    /// There is no problem in it.
    #[error("{} holds no problem", .0.display())]
    Empty(PathBuf),
}

/// A benchmark: its problems, still as the lines of their file.
#[derive(Debug)]
pub struct Benchmark {
    /// The problems, in the order of the file
    pub entries: Vec<Entry>,
    format: Format,
}

/// One problem of a benchmark.
#[derive(Debug)]
pub struct Entry {
    /// Its name in the benchmark
    pub name: String,
    /// Its name as a task
    pub id: TaskId,
    line: String,
}

impl Benchmark {
    /// Reads a file, plain or compressed, and checks every line of it.
    pub fn read(file: &SuiteFile) -> Result<Self, BenchmarkError> {
        let path = || file.path.clone();
        let text =
            read_text(&file.path).map_err(|cause| BenchmarkError::File { path: path(), cause })?;
        let (mut entries, mut names) = (Vec::new(), HashSet::new());
        let lines = text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty());
        for (text, line) in lines {
            let problem = Problem::parse(text, file.format)
                .map_err(|cause| BenchmarkError::Line { path: path(), line, cause })?;
            if !names.insert(problem.id.clone()) {
                return Err(BenchmarkError::Twice { path: path(), line, name: problem.name });
            }
            entries.push(Entry { name: problem.name, id: problem.id, line: text.to_owned() });
        }
        if entries.is_empty() {
            return Err(BenchmarkError::Empty(path()));
        }
        Ok(Self { entries, format: file.format })
    }

    /// Its problems as the lines of a plain file.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.line.as_str())
    }

    /// Takes a problem apart.
    pub fn problem(&self, index: usize) -> Problem {
        let line = &self.entries[index].line;
        Problem::parse(line, self.format).expect("every line was checked when it was read")
    }
}

/// The text of a file, plain or compressed with gzip.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    let bytes = std::fs::read(path)?;
    let mut text = String::new();
    if bytes.starts_with(&GZIP) {
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

/// What the canonical solution of one problem returned, and how long it took: one file of the cache.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Truth {
    /// The results, in the order of the inputs
    pub expected: Vec<Expected>,
    /// CPU time of all calls together, in milliseconds
    pub cpu_ms: u64,
}

/// Expected values, kept as files.
#[derive(Clone, Debug)]
pub struct Truths {
    folder: PathBuf,
}

impl Truths {
    /// Those that are kept in this folder.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What the canonical solution of a problem returned in this image, if it was run before. A file that
    /// holds something else is written anew.
    pub fn look_up(&self, benchmark: &Benchmark, index: usize, image: &str) -> Option<Truth> {
        let bytes = std::fs::read(self.path(benchmark, index, image)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// What every canonical solution of a benchmark returned, in the order of its problems; what is not
    /// known yet is found out, `jobs` at a time. `on_run` hears of each that had to run.
    pub async fn of(
        &self,
        sandbox: &Sandbox,
        benchmark: &std::sync::Arc<Benchmark>,
        jobs: usize,
        on_run: std::sync::Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Vec<Truth>, Fault> {
        let image = sandbox.image().id.clone();
        let mut truths: Vec<Option<Truth>> =
            (0..benchmark.entries.len()).map(|i| self.look_up(benchmark, i, &image)).collect();
        let missing: Vec<usize> = (0..truths.len()).filter(|i| truths[*i].is_none()).collect();
        let jobs = jobs.clamp(1, missing.len().max(1));
        let queue = std::sync::Arc::new(Mutex::new(missing.into_iter()));
        let mut workers = JoinSet::new();
        for _ in 0..jobs {
            let (this, queue, on_run) = (self.clone(), queue.clone(), on_run.clone());
            let (sandbox, benchmark) = (sandbox.clone(), benchmark.clone());
            workers.spawn(async move {
                let mut found = Vec::new();
                let mut container = None;
                loop {
                    let Some(index) = queue.lock().await.next() else { break };
                    on_run(&benchmark.entries[index].name);
                    let problem = benchmark.problem(index);
                    let truth = in_attempts(&sandbox, &mut container, &problem).await?;
                    this.keep(&benchmark, index, &sandbox.image().id, &truth)?;
                    found.push((index, truth));
                }
                if let Some(container) = container {
                    sandbox.discard(container).await;
                }
                Ok::<_, Fault>(found)
            });
        }
        while let Some(worked) = workers.join_next().await {
            for (index, truth) in worked.expect("a worker does not panic")? {
                truths[index] = Some(truth);
            }
        }
        Ok(truths.into_iter().map(|truth| truth.expect("what was missing was found out")).collect())
    }

    fn keep(
        &self,
        benchmark: &Benchmark,
        index: usize,
        image: &str,
        truth: &Truth,
    ) -> Result<(), Fault> {
        let bytes = serde_json::to_vec(truth).expect("values are plain data");
        Ok(write_atomically(&self.path(benchmark, index, image), &bytes)?)
    }

    fn path(&self, benchmark: &Benchmark, index: usize, image: &str) -> PathBuf {
        let line = Sha256::of(benchmark.entries[index].line.as_bytes());
        let format = benchmark.format;
        let key =
            Sha256::of(format!("{line}\n{format:?}\n{image}\n{PROTOCOL_VERSION}\n").as_bytes());
        self.folder.join(format!("{key}.json"))
    }
}

/// Finds a truth out, with as many attempts and waits as a trial has. A container is left for the next one.
async fn in_attempts(
    sandbox: &Sandbox,
    container: &mut Option<Container>,
    problem: &Problem,
) -> Result<Truth, Fault> {
    let (mut left, mut backoff) = (ATTEMPTS, BACKOFF);
    loop {
        let present = match container.take() {
            Some(present) => Ok(present),
            None => sandbox.start().await,
        };
        let fault = match present {
            Ok(mut present) => match find_out(&mut present, problem).await {
                Ok(truth) => {
                    *container = Some(present);
                    return Ok(truth);
                }
                Err(fault) => {
                    sandbox.discard(present).await;
                    fault
                }
            },
            Err(fault) => fault,
        };
        left -= 1;
        if left == 0 || !fault.is_worth_another_attempt() {
            return Err(fault);
        }
        tokio::time::sleep(backoff).await;
        backoff *= 4;
    }
}

/// Runs a canonical solution on every input of its problem.
async fn find_out(container: &mut Container, problem: &Problem) -> Result<Truth, Fault> {
    let unusable = |what: String| Fault::Canonical { problem: problem.name.clone(), what };
    let inputs = problem.inputs();
    if inputs.is_empty() {
        return Ok(Truth { expected: Vec::new(), cpu_ms: 0 });
    }
    let (mut expected, mut failed) = (Vec::with_capacity(inputs.len()), None);
    let on_end = |end| {
        expected.push(match end {
            CallEnd::Outcome(CallOutcome::Returned(value)) => Expected::Returned(value),
            CallEnd::Outcome(CallOutcome::Digest(digest)) => Expected::Digest(digest),
            CallEnd::Outcome(other) => {
                failed = Some(format!("its input {} {other}", expected.len() + 1));
                return ControlFlow::Break(());
            }
            end => {
                failed = Some(format!("its input {} ended with {end:?}", expected.len() + 1));
                return ControlFlow::Break(());
            }
        });
        ControlFlow::Continue(())
    };
    let source = problem.canonical();
    let run =
        container.make_calls((&source, &problem.entry_point), &inputs, &TRUSTED, on_end).await?;
    match (run.load, failed) {
        (Load::Ready, None) if expected.len() == inputs.len() => {
            // What does not pass itself, such as an object, would fail every sample.
            let cases = problem.task(expected.clone()).cases(Seed(0));
            let outcome = |expected: &Expected| match expected.clone() {
                Expected::Returned(value) => CallOutcome::Returned(value),
                Expected::Digest(digest) => CallOutcome::Digest(digest),
            };
            let wrong =
                |(case, own): &(&Case, &Expected)| case.check.judge(&outcome(own)).is_wrong();
            match cases.iter().zip(&expected).find(wrong) {
                Some((case, _)) => {
                    Err(unusable(format!("its own result of {} would fail", case.name)))
                }
                None => Ok(Truth { expected, cpu_ms: run.usage.cpu_ms }),
            }
        }
        (Load::Ready, Some(what)) => Err(unusable(what)),
        (Load::Ready, None) => Err(unusable("its time was up".to_owned())),
        (load, _) => Err(unusable(format!("loading it gave {load:?}"))),
    }
}

/// The tasks of a benchmark, once its truths are known.
pub fn tasks(benchmark: &Benchmark, truths: Vec<Truth>) -> Vec<Task> {
    let task = |(index, truth): (usize, Truth)| benchmark.problem(index).task(truth.expected);
    truths.into_iter().enumerate().map(task).collect()
}
