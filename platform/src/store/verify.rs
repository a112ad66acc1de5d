//! Walking the whole store: is every file what it once was? What can be mended without losing or giving
//! away anything is mended on request; everything else is told.
//!
//! Metadata that is damaged stays where it is: without it the id would be free, and the next stranger
//! could take it. Files that are none of ours, or that can be made anew, go into `quarantine/`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tasks::Sha256;

use super::{AgentMeta, MAX_HISTORY, RoundFile, Store, StoreError, read_json};
use crate::rankings::Rankings;

/// Something in the store that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What was done about it, or what to do.
    pub mend: Mend,
}

/// What was done about a [`Trouble`], or what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mend {
    /// It is mended now.
    Done(String),
    /// `platform verify --repair` will do this.
    WithRepair(String),
    /// Somebody has to decide.
    ByHand(String),
}

impl Store {
    /// Checks every file. With `repair`, mends what is safe to mend. Sorted by path.
    pub fn verify(&self, repair: bool) -> Result<Vec<Trouble>, StoreError> {
        let mut verify =
            Verify { store: self, repair, troubles: Vec::new(), known: HashSet::new() };
        let agents = verify.metadata()?;
        verify.versions(&agents)?;
        verify.copies(&agents)?;
        verify.strangers(&agents)?;
        verify.rounds()?;
        verify.rankings()?;
        verify.results()?;
        verify.troubles.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(verify.troubles)
    }
}

struct Verify<'a> {
    store: &'a Store,
    repair: bool,
    troubles: Vec<Trouble>,
    /// The versions that some metadata names.
    known: HashSet<Sha256>,
}

impl Verify<'_> {
    /// Reads all metadata.
    fn metadata(&mut self) -> Result<Vec<AgentMeta>, StoreError> {
        let mut agents = Vec::new();
        for miner_id in self.store.agent_ids()?.iter() {
            match self.store.agent(miner_id) {
                Ok(Some(meta)) => {
                    self.check_history(&meta);
                    self.known.extend(meta.history.iter().map(|version| version.sha256.clone()));
                    self.known.insert(meta.sha256.clone());
                    agents.push(meta);
                }
                Ok(None) => {}
                Err(error) => {
                    let (path, what) = match error {
                        StoreError::Damaged { path, reason } => {
                            (path, format!("it is damaged: {reason}"))
                        }
                        StoreError::Io { path, source, .. } => {
                            (path, format!("it cannot be read: {source}"))
                        }
                        other => return Err(other),
                    };
                    let how = format!(
                        "bring it back from a backup; if you remove it, anybody can take the id '{miner_id}'"
                    );
                    self.by_hand(&path, what, how);
                }
            }
        }
        Ok(agents)
    }

    fn check_history(&mut self, meta: &AgentMeta) {
        let numbers = meta.history.iter().map(|earlier| earlier.version);
        let first = if meta.history.len() < MAX_HISTORY {
            1
        } else {
            meta.history.first().map_or(1, |first| first.version)
        };
        if !numbers.chain([meta.version]).eq(first..=meta.version) {
            let path = self.store.meta_path(&meta.miner_id);
            self.by_hand(
                &path,
                "its versions are not numbered without a gap".into(),
                "bring it back from a backup".into(),
            );
        }
    }

    /// Every version that metadata names is there and is what its name says.
    fn versions(&mut self, agents: &[AgentMeta]) -> Result<(), StoreError> {
        // A copy for people can stand in for the version that it is a copy of.
        let copies: HashMap<&Sha256, PathBuf> = agents
            .iter()
            .map(|meta| (&meta.sha256, self.store.source_path(&meta.miner_id)))
            .collect();
        for sha256 in self.known.clone() {
            let path = self.store.version_path(&sha256);
            let Some(actual) = self.readable(digest(&path))? else { continue };
            let what = match actual {
                Some(actual) if actual == sha256 => continue,
                Some(_) => "its content is not what its name says",
                None => "it is missing",
            };
            let copy = copies.get(&sha256).and_then(|copy| fs::read(copy).ok());
            match copy.filter(|bytes| Sha256::of(bytes) == sha256) {
                Some(bytes) => {
                    let mend = "it is made anew from the copy in agents/".to_owned();
                    self.mend(&path, what, mend, |store| store.write(&path, &bytes));
                }
                None => self.by_hand(&path, what.into(), "bring it back from a backup".into()),
            }
        }
        Ok(())
    }

    /// The copies for people are copies of the current versions.
    fn copies(&mut self, agents: &[AgentMeta]) -> Result<(), StoreError> {
        for meta in agents {
            let copy = self.store.source_path(&meta.miner_id);
            let Some(actual) = self.readable(digest(&copy))? else { continue };
            if actual.as_ref() == Some(&meta.sha256) {
                continue;
            }
            // It may be of an upload that is between its metadata and its copy: whoever has the lock sees
            // none under way.
            let _guard = self.store.lock(&meta.miner_id)?;
            let meta = self.store.agent(&meta.miner_id)?.unwrap_or_else(|| meta.clone());
            let actual = digest(&copy)?;
            // Without the version there is nothing to copy, and that has been told.
            if actual.as_ref() != Some(&meta.sha256) && self.store.source(&meta).is_ok() {
                let what = if actual.is_some() {
                    "it is not the current version"
                } else {
                    "it is missing"
                };
                let mend = "it is made anew from versions/".to_owned();
                self.mend(&copy, what, mend, |store| store.settle(&meta.miner_id));
            }
        }
        Ok(())
    }

    /// Files that belong to nothing.
    fn strangers(&mut self, agents: &[AgentMeta]) -> Result<(), StoreError> {
        let agents: HashSet<_> = agents.iter().map(|meta| meta.miner_id.as_str()).collect();
        for path in files(&self.store.agents_dir())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_ours = name.strip_suffix(".json").is_some_and(|id| id.parse::<crate::MinerId>().is_ok())
                || name.strip_suffix(".py").is_some_and(|id| agents.contains(id))
                // A copy whose metadata is damaged is all that is left of its agent.
                || name.strip_suffix(".py").is_some_and(|id| path.with_file_name(format!("{id}.json")).exists());
            if !is_ours {
                self.quarantine(&path, "it was never accepted as an agent");
            }
        }
        for path in files(&self.store.versions_dir())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let sha256 = name.strip_suffix(".py").and_then(|digits| digits.parse::<Sha256>().ok());
            match sha256 {
                // What no metadata names may be of an upload under way, or of an agent whose metadata has yet
                // to come back from a backup.
                Some(sha256) if self.known.contains(&sha256) => {}
                Some(sha256) => {
                    let Some(actual) = self.readable(digest(&path))? else { continue };
                    if actual.is_some_and(|actual| actual != sha256) {
                        self.quarantine_version(&path, &sha256);
                    }
                }
                None => self.quarantine(&path, "it is no version of an agent"),
            }
        }
        Ok(())
    }

    fn rounds(&mut self) -> Result<(), StoreError> {
        for path in files(&self.store.rounds_dir())? {
            self.check_json::<Rankings>(&path)?;
        }
        self.check_json::<RoundFile>(&self.store.root.join("round.json"))
    }

    fn rankings(&mut self) -> Result<(), StoreError> {
        let path = self.store.rankings_path();
        let what = match self.store.rankings() {
            Err(StoreError::Damaged { reason, .. }) => format!("it is damaged: {reason}"),
            other => return self.readable(other).map(drop),
        };
        match self.store.rounds(1)?.pop() {
            Some(latest) => {
                let mend = "it is made anew from the latest in rounds/".to_owned();
                self.mend(&path, &what, mend, |store| store.put_rankings(&latest));
            }
            None => self.quarantine(&path, &what),
        }
        Ok(())
    }

    fn results(&mut self) -> Result<(), StoreError> {
        for folder in [self.store.results_dir(), self.store.expected_dir()] {
            for path in files(&folder)? {
                self.check_json::<Value>(&path)?;
            }
        }
        Ok(())
    }

    fn check_json<T: serde::de::DeserializeOwned>(
        &mut self,
        path: &Path,
    ) -> Result<(), StoreError> {
        match read_json::<T>(path) {
            Err(StoreError::Damaged { reason, .. }) => {
                self.quarantine(path, &format!("it is damaged: {reason}"));
                Ok(())
            }
            other => self.readable(other).map(drop),
        }
    }

    /// What was read. That a file cannot be read is told like all else that is wrong, and hides no other.
    fn readable<T>(&mut self, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Io { path, source, .. }) => {
                let how = "move it away if it is no file of the store's, or check that disk";
                self.by_hand(&path, format!("it cannot be read: {source}"), how.into());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn quarantine(&mut self, path: &Path, what: &str) {
        let mend = "it is moved to quarantine/".to_owned();
        self.mend(path, what, mend, |store| store.put_aside(path).map(drop));
    }

    /// The same for a version that no metadata names. Its upload may come just now, and bring the right one.
    fn quarantine_version(&mut self, path: &Path, sha256: &Sha256) {
        let mend = "it is moved to quarantine/".to_owned();
        self.mend(path, "its content is not what its name says", mend, |store| {
            let aside = store.put_aside(path)?;
            if digest(&aside)?.as_ref() == Some(sha256) {
                store.disk.rename(&aside, path).map_err(StoreError::io("move", &aside))?;
            }
            Ok(())
        });
    }

    fn mend(
        &mut self,
        path: &Path,
        what: &str,
        how: String,
        act: impl FnOnce(&Store) -> Result<(), StoreError>,
    ) {
        let mend = if self.repair {
            match act(self.store) {
                Ok(()) => Mend::Done(how),
                // The next may well be mended.
                Err(error) => Mend::ByHand(format!("it could not be mended: {error}")),
            }
        } else {
            Mend::WithRepair(how)
        };
        self.troubles.push(Trouble { path: path.to_owned(), what: what.to_owned(), mend });
    }

    fn by_hand(&mut self, path: &Path, what: String, how: String) {
        self.troubles.push(Trouble { path: path.to_owned(), what, mend: Mend::ByHand(how) });
    }
}

/// The digest of the file, or nothing where there is none.
fn digest(path: &Path) -> Result<Option<Sha256>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Sha256::of(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// What lies in the folder, unfinished files left out: those are for the next start to sweep.
fn files(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::io("read", folder))? {
        let entry = entry.map_err(StoreError::io("read", folder))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            files.push(entry.path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store with agents a to e, a ranking and a result, spoiled by `spoil`, checked three times: as it
    /// is, with repair, and again.
    fn check(spoil: impl Fn(&Path), expected: &[(&str, &str)], left_after_repair: usize) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for name in ["a", "b"] {
            let miner_id = name.parse().unwrap();
            let token = store.put_agent(&miner_id, b"x = 1", None).unwrap().token;
            store.put_agent(&miner_id, name.as_bytes(), token.as_deref()).unwrap();
        }
        store.put_rankings(&super::super::tests::rankings("one", 1)).unwrap();
        fs::write(folder.path().join("results/x.json"), "{}").unwrap();
        assert_eq!(store.verify(false).unwrap(), []);

        spoil(folder.path());
        let found = store.verify(false).unwrap();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (trouble, (path, mend)) in found.iter().zip(expected) {
            assert!(trouble.path.ends_with(path), "{trouble:?}");
            assert!(format!("{:?}", trouble.mend).contains(mend), "{trouble:?}");
        }
        assert_eq!(store.verify(false).unwrap(), found, "looking alone changes nothing");
        store.verify(true).unwrap();
        let left = store.verify(true).unwrap();
        assert_eq!(left.len(), left_after_repair, "{left:#?}");
        assert!(left.iter().all(|trouble| matches!(trouble.mend, Mend::ByHand(_))));
    }

    fn version_of(source: &str) -> String {
        format!("versions/{}.py", Sha256::of(source.as_bytes()))
    }

    #[test]
    fn copies_and_versions_are_made_anew_from_one_another() {
        let spoil = |root: &Path| {
            fs::write(root.join("agents/a.py"), "x = 666").unwrap();
            fs::remove_file(root.join(version_of("b"))).unwrap();
        };
        let version = version_of("b");
        check(spoil, &[("agents/a.py", "WithRepair"), (&version, "from the copy")], 0);
    }

    #[test]
    fn what_nothing_can_replace_is_told() {
        let spoil = |root: &Path| {
            fs::write(root.join(version_of("x = 1")), "x = 2").unwrap();
            fs::write(root.join("agents/b.json"), "{").unwrap();
        };
        let version = version_of("x = 1");
        check(spoil, &[("agents/b.json", "anybody can take"), (&version, "backup")], 2);
    }

    #[test]
    fn a_file_that_cannot_be_read_hides_no_other() {
        // Root may read every file, but nobody can read a folder as one.
        let version = version_of("b");
        let spoil = |root: &Path| {
            for file in ["agents/a.py", "rankings.json", "round.json", &version] {
                let _ = fs::remove_file(root.join(file));
                fs::create_dir(root.join(file)).unwrap();
            }
            let unknown = version_of("unknown");
            for folder in ["agents/c.json", "results/stray", "results/y.json", "rounds/z", &unknown]
            {
                fs::create_dir(root.join(folder)).unwrap();
            }
            fs::write(root.join("agents/b.py"), "spoiled").unwrap();
            fs::write(root.join("results/broken.json"), "{").unwrap();
        };
        let unknown = version_of("unknown");
        let mut expected = vec![
            ("agents/a.py", "ByHand"),
            ("agents/c.json", "anybody can take"),
            ("rankings.json", "ByHand"),
            ("results/broken.json", "quarantine"),
            ("results/stray", "ByHand"),
            ("results/y.json", "ByHand"),
            ("round.json", "ByHand"),
            ("rounds/z", "ByHand"),
            (&version, "ByHand"),
            (&unknown, "ByHand"),
        ];
        expected.sort_unstable();
        check(spoil, &expected, 9);
    }

    #[test]
    fn an_agent_whose_metadata_is_damaged_keeps_its_versions() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let me = "me".parse().unwrap();
        store.put_agent(&me, b"x = 1", None).unwrap();
        let path = store.meta_path(&me);
        let backup = fs::read(&path).unwrap();
        fs::write(&path, "{").unwrap();
        assert_eq!(store.verify(true).unwrap().len(), 1);
        fs::write(&path, backup).unwrap();
        assert_eq!(store.verify(true).unwrap(), []);
    }

    #[test]
    fn strangers_and_what_can_be_made_anew_go_into_quarantine() {
        let spoil = |root: &Path| {
            fs::write(root.join("agents/notes.txt"), "").unwrap();
            fs::write(root.join("agents/orphan.py"), "").unwrap();
            fs::write(root.join("results/y.json"), "{").unwrap();
            fs::write(root.join("expected/e.json"), "{").unwrap();
            fs::write(root.join("versions/x.py"), "").unwrap();
            fs::write(root.join("rankings.json"), "[]").unwrap();
            fs::write(root.join(version_of("half")), "ha").unwrap();
            fs::write(root.join(version_of("under way")), "under way").unwrap();
        };
        let half = version_of("half");
        let expected = [
            ("agents/notes.txt", "quarantine"),
            ("agents/orphan.py", "quarantine"),
            ("expected/e.json", "quarantine"),
            ("rankings.json", "from the latest"),
            ("results/y.json", "quarantine"),
            (&half, "quarantine"),
            ("versions/x.py", "quarantine"),
        ];
        check(spoil, &expected, 0);
    }
}
