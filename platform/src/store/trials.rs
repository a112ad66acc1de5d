//! Published trials: what the validator discloses of each agent's trials in the latest rounds.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tasks::Sha256;

use super::disk;
use super::error::StoreError;
use super::files::{Store, read_json, to_json};
use crate::api::{AgentResults, MinerId, ROUNDS_WITH_TRIALS, Round};

/// Which state of each agent's trials was published, by digests that only the validator can make. The file of this is
/// readable by its owner only: a guess of the open round's seed could be tested against a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTrials {
    /// In the store.
    pub stored: BTreeMap<MinerId, Sha256>,
    /// On platforms, by their addresses.
    #[serde(default)]
    pub sent: BTreeMap<String, BTreeMap<MinerId, Sha256>>,
}

impl Store {
    /// Stores what is published of one agent's trials, in place of what was published in this round before. The trials
    /// of all but the latest [`ROUNDS_WITH_TRIALS`] rounds are removed.
    pub fn put_trials(&self, results: &AgentResults) -> Result<(), StoreError> {
        let directory = self.trials_of_round(&results.round)?;
        if !directory.exists() {
            self.begin_trials(&results.round)?;
        }
        self.write(&directory.join(format!("{}.json", results.miner_id)), &to_json(results))
    }

    /// Returns what is published of an agent's trials in a round.
    pub fn trials(
        &self,
        round: &str,
        miner_id: &MinerId,
    ) -> Result<Option<AgentResults>, StoreError> {
        read_json(&self.trials_of_round(round)?.join(format!("{miner_id}.json")))
    }

    /// Returns whether something is published of an agent's trials in a round.
    pub fn has_trials(&self, round: &str, miner_id: &MinerId) -> bool {
        let file = self.trials_of_round(round).map(|of| of.join(format!("{miner_id}.json")));
        file.is_ok_and(|file| file.exists())
    }

    /// Returns what is published of an agent's trials in the latest round that has some.
    pub fn latest_trials(&self, miner_id: &MinerId) -> Result<Option<AgentResults>, StoreError> {
        for round in self.rounds_with_trials()?.iter().rev() {
            let found = self.trials(round, miner_id)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Prepares the directory of a round's trials, removes what a killed writer left there, and removes the trials of old
    /// rounds. A round that is too old to keep its trials is refused.
    pub fn begin_trials(&self, round: &str) -> Result<(), StoreError> {
        let directory = self.trials_of_round(round)?;
        let mut rounds = self.rounds_with_trials()?;
        if !rounds.iter().any(|known| known == round) {
            rounds.push(round.to_owned());
            rounds.sort();
        }
        let old = rounds.len().saturating_sub(ROUNDS_WITH_TRIALS);
        if rounds[..old].iter().any(|old| old == round) {
            return Err(StoreError::Round(format!(
                "round {round} is older than the latest {ROUNDS_WITH_TRIALS} rounds, whose trials are kept"
            )));
        }
        for old in &rounds[..old] {
            remove(fs::remove_dir_all(self.trials_dir().join(old)), &self.trials_dir().join(old))?;
            let index = self.published_path(old)?;
            remove(fs::remove_file(&index), &index)?;
        }
        fs::create_dir_all(&directory).map_err(StoreError::io("create", &directory))?;
        disk::sweep(&directory)?;
        disk::sync_directory(self.disk(), &self.trials_dir())
    }

    /// Returns which trials of a round were published. A damaged file counts as none, so that they are published again.
    pub fn published_trials(&self, round: &str) -> Result<PublishedTrials, StoreError> {
        match read_json(&self.published_path(round)?) {
            Err(StoreError::Damaged { .. }) => Ok(PublishedTrials::default()),
            read => Ok(read?.unwrap_or_default()),
        }
    }

    /// Stores which trials of a round were published, in a file that only its owner may read.
    pub fn put_published_trials(
        &self,
        round: &str,
        published: &PublishedTrials,
    ) -> Result<(), StoreError> {
        disk::replace_private(self.disk(), &self.published_path(round)?, &to_json(published))
    }

    /// The directory with what is published of a round's trials, a file per agent.
    pub fn trials_of_round(&self, round: &str) -> Result<PathBuf, StoreError> {
        Round::check_id(round).map_err(StoreError::Round)?;
        Ok(self.trials_dir().join(round))
    }

    /// The rounds whose trials are published, oldest first.
    pub(super) fn rounds_with_trials(&self) -> Result<Vec<String>, StoreError> {
        let directory = self.trials_dir();
        let mut rounds = Vec::new();
        for entry in fs::read_dir(&directory).map_err(StoreError::io("read", &directory))? {
            let name = entry.map_err(StoreError::io("read", &directory))?.file_name();
            rounds.extend(
                name.to_str().filter(|name| Round::check_id(name).is_ok()).map(str::to_owned),
            );
        }
        rounds.sort();
        Ok(rounds)
    }

    fn published_path(&self, round: &str) -> Result<PathBuf, StoreError> {
        Round::check_id(round).map_err(StoreError::Round)?;
        Ok(self.trials_dir().join(format!("{round}.published.json")))
    }
}

/// Another process may have removed it first.
fn remove(removed: io::Result<()>, path: &std::path::Path) -> Result<(), StoreError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn results(round: &str, miner_id: &str) -> AgentResults {
        AgentResults {
            round: round.to_owned(),
            miner_id: miner_id.parse().unwrap(),
            agent_sha256: Sha256::of(miner_id.as_bytes()),
            trials: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn round(number: usize) -> String {
        format!("20260101T12000{number}Z-0000000{number}")
    }

    #[test]
    fn keeps_the_trials_of_the_latest_rounds_only() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let me = "me".parse().unwrap();
        assert_eq!(store.latest_trials(&me).unwrap(), None);
        for number in 0..=ROUNDS_WITH_TRIALS {
            store.put_trials(&results(&round(number), "me")).unwrap();
            store.put_published_trials(&round(number), &PublishedTrials::default()).unwrap();
        }
        store.put_trials(&results(&round(3), "you")).unwrap();
        assert_eq!(store.trials(&round(0), &me).unwrap(), None);
        assert!(!directory.path().join(format!("trials/{}.published.json", round(0))).exists());
        assert_eq!(store.trials(&round(1), &me).unwrap(), Some(results(&round(1), "me")));
        let latest = store.latest_trials(&me).unwrap().unwrap();
        assert_eq!(latest.round, round(ROUNDS_WITH_TRIALS));
        assert_eq!(store.latest_trials(&"you".parse().unwrap()).unwrap().unwrap().round, round(3));
        let error = store.put_trials(&results(&round(0), "me")).unwrap_err().to_string();
        assert!(error.contains("is older than the latest 5 rounds"), "{error}");
        assert!(store.put_trials(&results("../x", "me")).is_err());
    }

    #[test]
    fn what_was_published_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.put_published_trials(&round(1), &PublishedTrials::default()).unwrap();
        let path = directory.path().join(format!("trials/{}.published.json", round(1)));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "{").unwrap();
        assert_eq!(store.published_trials(&round(1)).unwrap(), PublishedTrials::default());
    }
}
