//! A store on disk: its directories, and reading agents from them.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tasks::Sha256;

use super::disk::{self, Disk, RealDisk};
use super::error::StoreError;
use super::meta::{AgentListing, AgentMeta};
use crate::api::MinerId;

/// The directories of every store.
const DIRECTORIES: [&str; 7] =
    ["agents", "versions", RESULTS, "expected", "rounds", "trials", "locks"];
/// The directory of trial records. Their names are digests that a guess of the open round's seed could be tested against,
/// so only the owner may list them.
const RESULTS: &str = "results";

/// The age from which a directory's time stamp identifies its content. A file system's clock ticks some
/// hundred times per second, and two changes within one tick look the same.
const SETTLED: Duration = Duration::from_secs(1);

/// A store on disk. Cheap to clone; any number of processes may open the same directory.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    /// Reading ten thousand names for each page of a list would take longer than the page.
    ids: Arc<Mutex<CachedIds>>,
}

/// A list of ids, and the state of the directory that it was read from.
type CachedIds = Option<(FileStamp, Arc<Vec<MinerId>>)>;

/// Identifies one content of a file: every write creates a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    inode: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl FileStamp {
    /// The stamp of a file with this metadata.
    pub fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
        }
    }
}

impl fmt::Display for FileStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}.{:09}", self.inode, self.modified_s, self.modified_ns)
    }
}

impl Store {
    /// Opens the store at `root`, creates missing directories, and finishes what a crash interrupted.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_on(root, Arc::new(RealDisk))
    }

    /// Like [`Store::open`], on another disk.
    pub fn open_on(root: impl Into<PathBuf>, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let store = Self { root: root.into(), disk, ids: Arc::default() };
        for name in DIRECTORIES {
            let directory = store.root.join(name);
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            if name == RESULTS {
                fs::create_dir_all(&store.root).map_err(StoreError::io("create", &store.root))?;
                builder.mode(0o700);
            }
            builder.create(&directory).map_err(StoreError::io("create", &directory))?;
            match disk::sweep(&directory) {
                // Another user's server has no use for trial records.
                Err(StoreError::Io { source, .. })
                    if name == RESULTS && source.kind() == io::ErrorKind::PermissionDenied => {}
                swept => swept?,
            }
        }
        disk::sweep(&store.root)?;
        // A file is no more durable than the directories that contain it.
        disk::sync_directory(store.disk(), &store.root)?;
        disk::sync_directory(store.disk(), disk::directory_of(&store.root))?;
        store.finish_interrupted()?;
        Ok(store)
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory in which the harness keeps the expected values of benchmarks.
    pub fn expected_dir(&self) -> PathBuf {
        self.root.join("expected")
    }

    /// The directory in which the harness keeps one trial record per key.
    pub fn results_dir(&self) -> PathBuf {
        self.root.join(RESULTS)
    }

    /// The directory in which the harness keeps what the agents of a round asked a model, a file per trial.
    pub fn model_dir(&self, round_id: &str) -> PathBuf {
        self.root.join("model").join(round_id)
    }

    /// Writes a file into [`Store::results_dir`]. When this returns, it is durable. Only its owner may read it:
    /// trial records hold the secret seed of the open round.
    pub fn put_result(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        disk::replace_private(self.disk(), &self.results_dir().join(name), bytes)
    }

    /// Lists every stored agent that is not withdrawn. A damaged file never hides the others.
    pub fn agents(&self) -> Result<AgentListing, StoreError> {
        let mut listing = AgentListing::default();
        let (ids, mut foreign) = self.scan()?;
        for miner_id in ids {
            match self.agent(&miner_id) {
                Ok(Some(meta)) if meta.withdrawn_at.is_none() => listing.agents.push(meta),
                // Withdrawn, or removed after it was listed.
                Ok(_) => {}
                Err(error) => listing.damaged.push(error.to_string()),
            }
        }
        listing.damaged.append(&mut foreign);
        listing.damaged.sort();
        Ok(listing)
    }

    /// Returns the ids under which an agent is stored, sorted.
    pub fn agent_ids(&self) -> Result<Arc<Vec<MinerId>>, StoreError> {
        let stamp = self.agents_stamp()?;
        let mut cached = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(stamp), Some((of, ids))) = (stamp, &*cached)
            && *of == stamp
        {
            return Ok(ids.clone());
        }
        let ids = Arc::new(read_ids(&self.agents_dir())?);
        *cached = stamp.map(|stamp| (stamp, ids.clone()));
        Ok(ids)
    }

    /// Returns a stamp that changes with every agent that is stored or changed; none while the last change is so recent
    /// that another one could have the same stamp.
    pub fn agents_stamp(&self) -> Result<Option<FileStamp>, StoreError> {
        let directory = self.agents_dir();
        let metadata = fs::metadata(&directory).map_err(StoreError::io("read", &directory))?;
        let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
        Ok(age.filter(|age| *age > SETTLED).map(|_| FileStamp::of(&metadata)))
    }

    /// Returns the metadata of the agent stored under this id.
    pub fn agent(&self, miner_id: &MinerId) -> Result<Option<AgentMeta>, StoreError> {
        let path = self.meta_path(miner_id);
        let Some(meta) = read_json::<AgentMeta>(&path)? else { return Ok(None) };
        if meta.miner_id == *miner_id {
            Ok(Some(meta))
        } else {
            let reason = format!("it holds the metadata of '{}'", meta.miner_id);
            Err(StoreError::damaged(&path, reason))
        }
    }

    /// Returns the agent's source, checked against its digest.
    pub fn source(&self, meta: &AgentMeta) -> Result<String, StoreError> {
        self.source_of_version(&meta.miner_id, &meta.sha256)
    }

    /// Returns the source of one version of a miner's agent, checked against its digest.
    pub fn source_of_version(
        &self,
        miner_id: &MinerId,
        sha256: &Sha256,
    ) -> Result<String, StoreError> {
        let path = self.version_path(sha256);
        let wrong = match fs::read(&path) {
            Ok(bytes) if Sha256::of(&bytes) == *sha256 => return text(&path, bytes),
            Ok(_) => {
                StoreError::damaged(&path, "its content does not match the digest in its name")
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                StoreError::damaged(&path, "it is missing")
            }
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        };
        // The copy for people will do if its digest is right.
        let copy = self.source_path(miner_id);
        match fs::read(&copy) {
            Ok(bytes) if Sha256::of(&bytes) == *sha256 => text(&copy, bytes),
            _ => Err(wrong),
        }
    }

    /// Returns the ids that have metadata, and a sentence for each file in `agents/` that belongs to none of them.
    fn scan(&self) -> Result<(Vec<MinerId>, Vec<String>), StoreError> {
        let directory = self.agents_dir();
        let (mut ids, mut sources, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for entry in fs::read_dir(&directory).map_err(StoreError::io("read", &directory))? {
            let entry = entry.map_err(StoreError::io("read", &directory))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Some(miner_id) = id_before(&name, ".json") {
                ids.push(miner_id);
            } else if let Some(miner_id) = id_before(&name, ".py") {
                sources.push(miner_id);
            } else if !name.starts_with('.') {
                foreign.push(format!(
                    "{} is not a file of the store: ignored",
                    entry.path().display()
                ));
            }
        }
        ids.sort();
        for miner_id in sources {
            if ids.binary_search(&miner_id).is_err() {
                let path = self.source_path(&miner_id);
                foreign.push(format!(
                    "{} has no metadata, so it was never accepted: ignored; upload it",
                    path.display()
                ));
            }
        }
        Ok((ids, foreign))
    }

    /// Moves the file into `quarantine/` and returns its new path.
    pub(super) fn quarantine(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let directory = self.root.join("quarantine");
        fs::create_dir_all(&directory).map_err(StoreError::io("create", &directory))?;
        // A random prefix keeps files of the same name apart.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let moved = directory.join(format!("{:08x}-{name}", rand::random::<u32>()));
        self.disk.rename(path, &moved).map_err(StoreError::io("move", path))?;
        disk::sync_directory(self.disk(), &directory)?;
        Ok(moved)
    }

    /// Writes a file of the store. When this returns, it is durable.
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        disk::replace(self.disk(), path, bytes)
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(super) fn agents_dir(&self) -> PathBuf {
        self.root.join("agents")
    }

    pub(super) fn versions_dir(&self) -> PathBuf {
        self.root.join("versions")
    }

    pub(super) fn rounds_dir(&self) -> PathBuf {
        self.root.join("rounds")
    }

    pub(super) fn trials_dir(&self) -> PathBuf {
        self.root.join("trials")
    }

    pub(super) fn locks_dir(&self) -> PathBuf {
        self.root.join("locks")
    }

    pub(super) fn round_path(&self) -> PathBuf {
        self.root.join("round.json")
    }

    pub(super) fn progress_path(&self) -> PathBuf {
        self.root.join("progress.json")
    }

    pub(super) fn rankings_path(&self) -> PathBuf {
        self.root.join("rankings.json")
    }

    pub(super) fn meta_path(&self, miner_id: &MinerId) -> PathBuf {
        self.agents_dir().join(format!("{miner_id}.json"))
    }

    pub(super) fn source_path(&self, miner_id: &MinerId) -> PathBuf {
        self.agents_dir().join(format!("{miner_id}.py"))
    }

    pub(super) fn version_path(&self, sha256: &Sha256) -> PathBuf {
        self.versions_dir().join(format!("{sha256}.py"))
    }
}

fn read_ids(directory: &Path) -> Result<Vec<MinerId>, StoreError> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(directory).map_err(StoreError::io("read", directory))? {
        let name = entry.map_err(StoreError::io("read", directory))?.file_name();
        ids.extend(id_before(&name.to_string_lossy(), ".json"));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// The id in a file name with this ending.
fn id_before(name: &str, end: &str) -> Option<MinerId> {
    name.strip_suffix(end)?.parse().ok()
}

/// Reads the value in the file. Returns `None` if the file does not exist.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| StoreError::damaged(path, error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the store's own types are plain data");
    bytes.push(b'\n');
    bytes
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|_| StoreError::damaged(path, "it is not UTF-8"))
}
