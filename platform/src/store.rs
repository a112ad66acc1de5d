//! The agent store: plain files that no crash can leave half written.
//!
//! ```text
//! agents/<miner_id>.py      the current agent, for people
//! agents/<miner_id>.json    its metadata: this file decides what is stored
//! versions/<sha256>.py      every accepted version, by content
//! results/<key>.json        one per trial, written by the harness
//! expected/<key>.json       what the canonical solution of a benchmark's problem returned, likewise
//! rounds/<time>-<id>.json   every ranking so far
//! rankings.json round.json  the latest ranking, and what the round under way is about
//! journal/                  what was acknowledged before each of its files was on the disk
//! locks/                    one writer per id, across processes
//! quarantine/               what `platform verify --repair` has put aside
//! ```
//!
//! An upload writes its version, then itself into the journal, durable, and then its metadata: the rename
//! of the metadata is the moment in which the upload exists.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tasks::{Seed, Sha256, TaskId};
use utoipa::ToSchema;

use crate::rankings::Rankings;

pub mod disk;
mod error;
mod journal;
mod lock;
mod miner_id;
mod put;
mod token;
mod verify;

pub use disk::write_atomically;
pub use error::StoreError;
pub use miner_id::{MinerId, ParseMinerIdError};
pub use verify::{Mend, Trouble};

use disk::{Disk, RealDisk};
use journal::Journal;

/// The largest agent, in bytes.
pub const MAX_SOURCE_BYTES: usize = 256 << 10;

/// How many earlier versions an agent's metadata names. Older ones stay in `versions/`; a list without end
/// would make each upload of a busy miner, and each list of agents, slower than the one before.
pub const MAX_HISTORY: usize = 1_000;

/// What every store has.
const FOLDERS: [&str; 7] =
    ["agents", "versions", "results", "expected", "rounds", "locks", "journal"];

/// A store on disk. Cheap to clone; any number of processes may have one open on the same folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    /// Reading ten thousand names for each page of a list would take longer than the page.
    ids: Arc<Mutex<KeptIds>>,
    journal: Arc<Journal>,
}

/// What is known of a miner's current agent, and how it came to be. Lies beside it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMeta {
    /// Whose agent it is.
    pub miner_id: MinerId,
    /// 1 for the first upload, and one more for each that changed it.
    pub version: u32,
    /// The digest of the source.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// When this version was accepted.
    pub uploaded_at: Timestamp,
    /// The versions before this one, oldest first, at most [`MAX_HISTORY`].
    pub history: Vec<Version>,
    /// The digest of the token that the next upload must bring.
    pub token_sha256: Sha256,
    /// When this metadata was made; later than any that it replaced.
    #[serde(default)]
    pub changed_at: Timestamp,
}

/// An earlier version of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// 1 for the first upload.
    pub version: u32,
    /// The digest of the source.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub uploaded_at: Timestamp,
}

/// What an upload is answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "miner_id": "me", "version": 1, "token": "arena_5f1d",
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
})))]
pub struct Receipt {
    /// Whose agent it is.
    pub miner_id: MinerId,
    /// The version that is stored now.
    pub version: u32,
    /// The digest of the source.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub sha256: Sha256,
    /// The token that the next upload under this id must bring. Given out once, with the first upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether the same bytes were stored already, so that nothing changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
}

/// The stored agents, and what stands among them that is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by miner id.
    pub agents: Vec<AgentMeta>,
    /// One sentence for each file that could not be taken for an agent, sorted.
    pub damaged: Vec<String>,
}

/// What the round under way is about, so that an evaluation that was killed resumes under the same
/// seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundFile {
    /// What the generated cases are drawn from.
    pub seed: Seed,
    /// What is hashed with the seed into the round's commitment; a secret until the round is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The image that the agents run in, by digest.
    pub image: String,
    /// The tasks, in the order of the round.
    pub tasks: Vec<TaskId>,
}

/// A list of ids, and the state of the folder that it was read from.
type KeptIds = Option<(Stamp, Arc<Vec<MinerId>>)>;

/// Tells one content of a file from another: every write makes a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64, i64, i64);

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self(metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    }
}

impl Store {
    /// Opens the store at `root`, creates what is missing, and finishes or takes back what a crash has
    /// interrupted.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_on(root, Arc::new(RealDisk))
    }

    /// Like [`Store::open`], on a disk of your choice.
    pub fn open_on(root: impl Into<PathBuf>, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let root = root.into();
        let journal = Arc::new(Journal::new(&root, disk.clone()));
        let store = Self { root, disk, ids: Arc::default(), journal };
        for folder in FOLDERS {
            let folder = store.root.join(folder);
            fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
            disk::sweep(&folder)?;
        }
        disk::sweep(&store.root)?;
        // A file is no more durable than the folders that it lies in.
        disk::sync_folder(&*store.disk, &store.root)?;
        disk::sync_folder(&*store.disk, disk::folder_of(&store.root))?;
        journal::replay(&store)?;
        Ok(store)
    }

    /// Where the store lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the harness keeps what the canonical solutions of benchmarks returned.
    pub fn expected_dir(&self) -> PathBuf {
        self.root.join("expected")
    }

    /// Where the harness keeps one result per trial.
    pub fn results_dir(&self) -> PathBuf {
        self.root.join("results")
    }

    /// Puts a file of the harness into [`Store::results_dir`]. When this returns, it is on the disk.
    pub fn put_result(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(&self.results_dir().join(name), bytes)
    }

    /// Every stored agent. One corrupt file never hides the others.
    pub fn agents(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        let (ids, mut foreign) = self.scan()?;
        for miner_id in ids {
            match self.agent(&miner_id) {
                Ok(Some(meta)) => listing.agents.push(meta),
                // Removed since it was listed.
                Ok(None) => {}
                Err(error) => listing.damaged.push(error.to_string()),
            }
        }
        listing.damaged.append(&mut foreign);
        listing.damaged.sort();
        Ok(listing)
    }

    /// The ids under which something is stored, sorted.
    pub fn agent_ids(&self) -> Result<Arc<Vec<MinerId>>, StoreError> {
        let folder = self.agents_dir();
        let metadata = fs::metadata(&folder).map_err(StoreError::io("read", &folder))?;
        let stamp = Stamp::of(&metadata);
        let mut kept = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, ids)) = &*kept
            && *of == stamp
        {
            return Ok(ids.clone());
        }
        let ids = Arc::new(Self::read_ids(&folder)?);
        // The clock of the file system ticks some hundred times a second, and two changes in one tick
        // look the same: what changed just now is not worth keeping.
        let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
        let settled = age.is_some_and(|age| age > Duration::from_secs(1));
        *kept = settled.then(|| (stamp, ids.clone()));
        Ok(ids)
    }

    fn read_ids(folder: &Path) -> Result<Vec<MinerId>, StoreError> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(folder).map_err(StoreError::io("read", folder))? {
            let name = entry.map_err(StoreError::io("read", folder))?.file_name();
            ids.extend(id_before(&name.to_string_lossy(), ".json"));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// What is stored under this id.
    pub fn agent(&self, miner_id: &MinerId) -> Result<Option<AgentMeta>, StoreError> {
        let path = self.meta_path(miner_id);
        let Some(meta) = read_json::<AgentMeta>(&path)? else { return Ok(None) };
        if meta.miner_id == *miner_id {
            Ok(Some(meta))
        } else {
            let reason = format!("it is the metadata of '{}'", meta.miner_id);
            Err(StoreError::damaged(&path, reason))
        }
    }

    /// The agent's source, checked against its digest.
    pub fn source(&self, meta: &AgentMeta) -> Result<String, StoreError> {
        let path = self.version_path(&meta.sha256);
        let wrong = match fs::read(&path) {
            Ok(bytes) if Sha256::of(&bytes) == meta.sha256 => return text(&path, bytes),
            Ok(_) => StoreError::damaged(&path, "its content is not what its name says"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                StoreError::damaged(&path, "it is missing")
            }
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        };
        // The copy that lies there for people serves too, when its digest is right.
        let spare = self.source_path(&meta.miner_id);
        match fs::read(&spare) {
            Ok(bytes) if Sha256::of(&bytes) == meta.sha256 => text(&spare, bytes),
            _ => Err(wrong),
        }
    }

    /// The latest ranking, if there has been a round.
    pub fn rankings(&self) -> Result<Option<Rankings>, StoreError> {
        read_json(&self.rankings_path())
    }

    /// What tells one latest ranking from another without reading it.
    pub fn rankings_stamp(&self) -> Result<Option<Stamp>, StoreError> {
        let path = self.rankings_path();
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Makes this the latest ranking, and keeps it among the rounds so far. A round that is ranked again
    /// replaces itself.
    pub fn put_rankings(&self, rankings: &Rankings) -> Result<(), StoreError> {
        let bytes = to_json(rankings);
        let round = &rankings.round;
        let time = round.started_at.strftime("%Y%m%dT%H%M%S");
        let name = format!("{time}-{}.json", Sha256::of(round.id.as_bytes()).short());
        self.write(&self.rounds_dir().join(name), &bytes)?;
        self.write(&self.rankings_path(), &bytes)
    }

    /// The latest rankings, at most `limit`, oldest first. Files that are none are left out.
    pub fn rounds(&self, limit: usize) -> Result<Vec<Rankings>, StoreError> {
        let folder = self.rounds_dir();
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).map_err(StoreError::io("read", &folder))? {
            paths.push(entry.map_err(StoreError::io("read", &folder))?.path());
        }
        paths.sort();
        let read = |path: &PathBuf| read_json(path).ok().flatten();
        let mut rounds: Vec<_> = paths.iter().rev().filter_map(read).take(limit).collect();
        rounds.reverse();
        Ok(rounds)
    }

    /// What the round under way is about, if there is one.
    pub fn round(&self) -> Result<Option<RoundFile>, StoreError> {
        read_json(&self.root.join("round.json"))
    }

    /// Remembers what the round under way is about.
    pub fn put_round(&self, round: &RoundFile) -> Result<(), StoreError> {
        self.write(&self.root.join("round.json"), &to_json(round))
    }

    /// The ids that have metadata, and a sentence on each file in `agents/` that belongs to none.
    fn scan(&self) -> Result<(Vec<MinerId>, Vec<String>), StoreError> {
        let folder = self.agents_dir();
        let (mut ids, mut sources, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for entry in fs::read_dir(&folder).map_err(StoreError::io("read", &folder))? {
            let entry = entry.map_err(StoreError::io("read", &folder))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Some(miner_id) = id_before(&name, ".json") {
                ids.push(miner_id);
            } else if let Some(miner_id) = id_before(&name, ".py") {
                sources.push(miner_id);
            } else if !name.starts_with('.') {
                foreign.push(format!(
                    "{} is no agent of ours: it was ignored",
                    entry.path().display()
                ));
            }
        }
        ids.sort();
        for miner_id in sources {
            if ids.binary_search(&miner_id).is_err() {
                let path = self.source_path(&miner_id);
                foreign.push(format!(
                    "{} has no metadata, so it was never accepted: upload it",
                    path.display()
                ));
            }
        }
        Ok((ids, foreign))
    }

    /// Moves the file into `quarantine/`, and says under which name.
    fn put_aside(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let folder = self.root.join("quarantine");
        fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        // Two files of one name must not meet there.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = folder.join(format!("{:08x}-{name}", rand::random::<u32>()));
        self.disk.rename(path, &aside).map_err(StoreError::io("move", path))?;
        disk::sync_folder(&*self.disk, &folder)?;
        Ok(aside)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        disk::replace(&*self.disk, path, bytes)?;
        disk::sync_folder(&*self.disk, path.parent().unwrap_or(&self.root))
    }

    fn agents_dir(&self) -> PathBuf {
        self.root.join("agents")
    }

    fn versions_dir(&self) -> PathBuf {
        self.root.join("versions")
    }

    fn rounds_dir(&self) -> PathBuf {
        self.root.join("rounds")
    }

    fn locks_dir(&self) -> PathBuf {
        self.root.join("locks")
    }

    fn rankings_path(&self) -> PathBuf {
        self.root.join("rankings.json")
    }

    fn meta_path(&self, miner_id: &MinerId) -> PathBuf {
        self.agents_dir().join(format!("{miner_id}.json"))
    }

    fn source_path(&self, miner_id: &MinerId) -> PathBuf {
        self.agents_dir().join(format!("{miner_id}.py"))
    }

    fn version_path(&self, sha256: &Sha256) -> PathBuf {
        self.versions_dir().join(format!("{sha256}.py"))
    }
}

/// The id in a file's name.
fn id_before(name: &str, end: &str) -> Option<MinerId> {
    name.strip_suffix(end)?.parse().ok()
}

/// The value in the file, or nothing where there is no file.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| StoreError::damaged(path, error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the store's own types are plain data");
    bytes.push(b'\n');
    bytes
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|_| StoreError::damaged(path, "it is not UTF-8"))
}

#[cfg(test)]
mod tests;
