//! Writing an export. The digests of its files come last, so that an export that was interrupted is not taken for a whole
//! one.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use platform::MinerId;
use platform::api::{Rankings, RoundStatus, SshSignature};
use platform::store::Store;
use serde::Serialize;
use tasks::{Kind, Limits, Sha256, TaskId};

use super::manifest::{
    EXPECTED, ExportManifest, ExportedBenchmark, FileSums, JOURNAL, MANIFEST, PROBLEMS, RANKING,
    README, REPORT, SIGNATURE, SIGNERS, STATEMENT, SUMS, files_below, format_sums, source_name,
    task_name,
};
use super::readme::readme;
use crate::Fault;
use crate::benchmark::file::Benchmark;
use crate::benchmark::reference_outputs::ReferenceOutputs;
use crate::benchmark::tasks::TaskSourceError;
use crate::choice::did_you_mean;
use crate::round::results::{image_id, trials_of};
use crate::round::stored::{StoredRound, StoredTrial, TrialChoice};
use crate::scoring::report::write_evaluation;
use crate::trial::instance::RoundTask;
use crate::trial::record::Disclose;

/// The word for the latest closed round.
const LATEST: &str = "latest";

/// What is exported.
pub struct ExportRequest<'a> {
    /// Where the round is
    pub store: &'a Store,
    /// The id of the round, or `latest`
    pub round: &'a str,
    /// The benchmark that it was judged on, and whether answers could import packages
    pub benchmark: Option<(&'a Benchmark, bool)>,
    /// How much of failed cases the report discloses
    pub disclose: Disclose,
    /// Whether what agents asked a model is published
    pub journal: JournalExport,
    /// A new or empty directory
    pub directory: &'a Path,
}

/// Whether an export has the journal of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalExport {
    /// It has.
    Included,
    /// It has not.
    LeftOut,
}

/// What was written.
pub struct WrittenExport {
    /// The round
    pub ranked: Rankings,
    /// Number of files
    pub files: usize,
}

/// Why a round cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store does not have it.
    #[error("{} holds no round '{}'{suggestion}", .store.display(), .id.escape_debug())]
    Unknown {
        /// The store
        store: PathBuf,
        /// What was asked for
        id: String,
        /// A round that may be meant, as the end of a sentence
        suggestion: String,
    },
    /// No round is closed.
    #[error("{} holds no closed round; 'arena evaluate --close' closes one", .0.display())]
    NoneClosed(PathBuf),
    /// Its seed is secret.
    #[error(
        "round {0} is open, and an export would reveal its secret seed; close it with 'arena evaluate --close' first"
    )]
    Open(String),
    /// It has no journal.
    #[error(
        "the agents of round {0} had no model, so there is no journal; leave out --with-model-journal"
    )]
    NoModel(String),
    /// An export has everything.
    #[error(
        "round {id} has {tasks} private tasks, which an export would reveal; publish its report instead"
    )]
    Private {
        /// The round
        id: String,
        /// Number of private tasks
        tasks: u32,
    },
    /// The directory holds something.
    #[error("{} is not an empty directory; name a new one with --to", .0.display())]
    NotEmpty(PathBuf),
    /// A trial has no record any more.
    #[error(
        "{miner_id} on {task} has no trial record in {}, so the report cannot be written; 'arena cache --prune' removes \
         the records of earlier rounds",
        .store.display()
    )]
    NoRecord {
        /// The agent
        miner_id: String,
        /// The task
        task: TaskId,
        /// The store
        store: PathBuf,
    },
    /// The tasks cannot be provided.
    #[error(transparent)]
    Tasks(#[from] TaskSourceError),
    /// The store or the disk failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Writes the export of a closed round.
pub fn export(request: &ExportRequest<'_>) -> Result<WrittenExport, ExportError> {
    let (ranked, ranking) = find(request.store, request.round)?;
    let id = &ranked.round.id;
    if ranked.round.model.is_none() && request.journal == JournalExport::Included {
        return Err(ExportError::NoModel(id.clone()));
    }
    if let Some(private) = &ranked.round.private {
        return Err(ExportError::Private { id: id.clone(), tasks: private.tasks });
    }
    let benchmark = request.benchmark.map(|(benchmark, _)| benchmark);
    let round = StoredRound::closed(request.store, &ranked, benchmark)?;
    let mut out = ExportDirectory::create(request.directory)?;
    let manifest = ExportManifest {
        arena: env!("CARGO_PKG_VERSION").to_owned(),
        round: id.clone(),
        benchmark: request.benchmark.map(|(benchmark, site_packages)| ExportedBenchmark {
            memory_bytes: benchmark.memory_bytes,
            site_packages,
        }),
    };
    out.put(MANIFEST, &json(&manifest))?;
    out.put(RANKING, &ranking)?;
    out.put_report(request, &round, &ranked)?;
    if let Some(signature) = &ranked.signature {
        for (name, text) in signature_files(signature) {
            out.put(name, text.as_bytes())?;
        }
    }
    for agent in &round.agents {
        let source = request.store.source_of_version(&agent.miner_id, &agent.sha256);
        out.put(&source_name(&agent.sha256), source.map_err(Fault::from)?.as_bytes())?;
    }
    match benchmark {
        Some(benchmark) => out.put_benchmark(request.store, benchmark, &ranked)?,
        None => {
            for task in &round.tasks {
                out.put(&task_name(task.id()), &task_file(task))?;
            }
        }
    }
    if request.journal == JournalExport::Included {
        out.put_journal(&request.store.model_dir(id))?;
    }
    let has_journal = request.journal == JournalExport::Included;
    out.put(README, readme(&manifest, &ranked, has_journal).as_bytes())?;
    let files = out.finish()?;
    Ok(WrittenExport { ranked, files })
}

/// The files of a signature, as `ssh-keygen -Y verify` takes them.
pub(super) fn signature_files(signature: &SshSignature) -> [(&'static str, String); 3] {
    [
        (STATEMENT, signature.statement.clone()),
        (SIGNATURE, signature.armor.clone()),
        (SIGNERS, format!("validator {}\n", signature.public_key)),
    ]
}

/// The definition of a built-in task under the seed of a round, for reading.
pub(super) fn task_file(task: &RoundTask) -> Vec<u8> {
    #[derive(Serialize)]
    struct TaskFile<'a> {
        id: &'a TaskId,
        title: &'a str,
        weight: u32,
        #[serde(flatten)]
        kind: &'a Kind,
        prompt: &'a str,
        scoring: &'a str,
        limits: Limits,
        cases: Vec<CaseText<'a>>,
        digest: &'a Sha256,
    }
    #[derive(Serialize)]
    struct CaseText<'a> {
        name: &'a str,
        public: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<&'a str>,
        call: String,
        expected: String,
    }
    let definition = &task.task;
    let cases = task.cases.iter().map(|case| CaseText {
        name: &case.name,
        public: case.public,
        group: case.group.as_deref(),
        call: case.call(definition.entry_point()),
        expected: case.check.to_string(),
    });
    json(&TaskFile {
        id: &definition.id,
        title: &definition.title,
        weight: definition.weight,
        kind: &definition.kind,
        prompt: &task.prompt,
        scoring: definition.scoring_rule(),
        limits: definition.limits,
        cases: cases.collect(),
        digest: &task.digest,
    })
}

/// Finds a closed round, and its ranking as the store holds it.
fn find(store: &Store, id: &str) -> Result<(Rankings, Vec<u8>), ExportError> {
    let latest = store.latest_closed(None).map_err(Fault::from)?;
    let id = match (id, latest) {
        (LATEST, None) => return Err(ExportError::NoneClosed(store.root().to_owned())),
        (LATEST, Some(latest)) => latest.id,
        (id, _) => id.to_owned(),
    };
    if store.open_round().map_err(Fault::from)?.is_some_and(|open| open.id == id) {
        return Err(ExportError::Open(id));
    }
    let ids = store.round_ids().map_err(Fault::from)?;
    if !ids.contains(&id) {
        let suggestion = did_you_mean(&id, ids.iter().map(String::as_str));
        return Err(ExportError::Unknown { store: store.root().to_owned(), id, suggestion });
    }
    match store.ranking_of(&id).map_err(Fault::from)? {
        Some((ranked, bytes)) if ranked.round.status == RoundStatus::Closed => Ok((ranked, bytes)),
        _ => Err(ExportError::Open(id)),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("an export is plain data");
    bytes.push(b'\n');
    bytes
}

/// A directory that an export is written to.
struct ExportDirectory {
    root: PathBuf,
    sums: FileSums,
}

impl ExportDirectory {
    fn create(root: &Path) -> Result<Self, ExportError> {
        let failed = |cause| Fault::File { action: "create", path: root.to_owned(), cause };
        std::fs::create_dir_all(root).map_err(failed)?;
        if std::fs::read_dir(root).map_err(failed)?.next().is_some() {
            return Err(ExportError::NotEmpty(root.to_owned()));
        }
        Ok(Self { root: root.to_owned(), sums: FileSums::new() })
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let path = self.path(name)?;
        std::fs::write(&path, bytes).map_err(|cause| Fault::File {
            action: "write",
            path,
            cause,
        })?;
        self.sums.insert(name.to_owned(), Sha256::of(bytes));
        Ok(())
    }

    /// The path of a file, whose directory exists then.
    fn path(&self, name: &str) -> Result<PathBuf, Fault> {
        let path = self.root.join(name);
        let directory = path.parent().unwrap_or(&self.root).to_owned();
        std::fs::create_dir_all(&directory).map_err(|cause| Fault::File {
            action: "create",
            path: directory,
            cause,
        })?;
        Ok(path)
    }

    /// Writes the report, one trial at a time.
    fn put_report(
        &mut self,
        request: &ExportRequest<'_>,
        round: &StoredRound,
        ranked: &Rankings,
    ) -> Result<(), ExportError> {
        let repeat = ranked.round.repeat;
        let choices = round.agents.iter().flat_map(|agent| {
            let trials = trials_of(&round.tasks, repeat);
            trials.map(move |(task, repetition)| TrialChoice { agent, task, repetition })
        });
        // An agent that was stopped has some of its trials only.
        let is_stopped = |miner_id: &MinerId| {
            ranked.round.stopped.iter().any(|stopped| stopped.miner_id == *miner_id)
        };
        let mut missing = None;
        let trials = choices.filter_map(|choice| match round.trial(choice, request.disclose) {
            Ok(StoredTrial::Judged(trial)) => Some(Ok(*trial)),
            Ok(StoredTrial::NotJudged(fault)) => {
                if !is_stopped(&fault.miner_id) {
                    missing.get_or_insert(fault);
                }
                None
            }
            Err(fault) => Some(Err(fault)),
        });
        let path = self.path(REPORT)?;
        let failed = |cause| Fault::File { action: "write", path: path.clone(), cause };
        let mut out = BufWriter::new(std::fs::File::create(&path).map_err(failed)?);
        write_evaluation(&mut out, ranked, trials)?;
        out.write_all(b"\n").and_then(|()| out.flush()).map_err(failed)?;
        if let Some(fault) = missing {
            let store = request.store.root().to_owned();
            let miner_id = fault.miner_id.to_string();
            return Err(ExportError::NoRecord { miner_id, task: fault.task, store });
        }
        let bytes = std::fs::read(&path).map_err(failed)?;
        self.sums.insert(REPORT.to_owned(), Sha256::of(&bytes));
        Ok(())
    }

    /// Writes a benchmark's problems, and what their canonical solutions returned.
    fn put_benchmark(
        &mut self,
        store: &Store,
        benchmark: &Benchmark,
        ranked: &Rankings,
    ) -> Result<(), Fault> {
        let mut lines = String::new();
        for line in benchmark.lines() {
            lines.push_str(line);
            lines.push('\n');
        }
        self.put(PROBLEMS, lines.as_bytes())?;
        let outputs = ReferenceOutputs::in_directory(store.expected_dir());
        let image = image_id(&ranked.round.image);
        for (index, entry) in benchmark.entries.iter().enumerate() {
            if !ranked.round.tasks.contains(&entry.id) {
                continue;
            }
            let path = outputs.path(benchmark, index, image);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = std::fs::read(&path);
            let bytes = bytes.map_err(|cause| Fault::File { action: "read", path, cause })?;
            self.put(&format!("{EXPECTED}/{name}"), &bytes)?;
        }
        Ok(())
    }

    fn put_journal(&mut self, directory: &Path) -> Result<(), Fault> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| Fault::File { action: "read", path, cause }
        };
        for (name, path) in files_below(directory).map_err(failed(directory))? {
            let bytes = std::fs::read(&path).map_err(failed(&path))?;
            self.put(&format!("{JOURNAL}/{name}"), &bytes)?;
        }
        Ok(())
    }

    /// Writes the digests of all files, and returns how many files there are.
    fn finish(mut self) -> Result<usize, Fault> {
        let text = format_sums(&self.sums);
        self.put(SUMS, text.as_bytes())?;
        Ok(self.sums.len())
    }
}
