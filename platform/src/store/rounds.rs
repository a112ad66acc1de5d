//! Rankings, and the round in progress.

use std::fs;
use std::io;
use std::path::PathBuf;

use tasks::Sha256;

use super::error::StoreError;
use super::files::{FileStamp, Store, read_json, to_json};
use super::meta::RoundFile;
use crate::api::Rankings;

impl Store {
    /// Returns the latest ranking, if there has been a round.
    pub fn rankings(&self) -> Result<Option<Rankings>, StoreError> {
        read_json(&self.rankings_path())
    }

    /// Returns a stamp that changes with the latest ranking, without reading it.
    pub fn rankings_stamp(&self) -> Result<Option<FileStamp>, StoreError> {
        let path = self.rankings_path();
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(FileStamp::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Stores this as the latest ranking and among the rounds so far. A round that is ranked again replaces
    /// its earlier ranking.
    pub fn put_rankings(&self, rankings: &Rankings) -> Result<(), StoreError> {
        let bytes = to_json(rankings);
        let round = &rankings.round;
        let time = round.started_at.strftime("%Y%m%dT%H%M%S");
        let name = format!("{time}-{}.json", Sha256::of(round.id.as_bytes()).short());
        self.write(&self.rounds_dir().join(name), &bytes)?;
        self.write(&self.rankings_path(), &bytes)
    }

    /// Returns the latest rankings, at most `limit`, oldest first. Other files are left out.
    pub fn rounds(&self, limit: usize) -> Result<Vec<Rankings>, StoreError> {
        let directory = self.rounds_dir();
        let mut paths = Vec::new();
        for entry in fs::read_dir(&directory).map_err(StoreError::io("read", &directory))? {
            paths.push(entry.map_err(StoreError::io("read", &directory))?.path());
        }
        paths.sort();
        let read = |path: &PathBuf| read_json(path).ok().flatten();
        let mut rounds: Vec<_> = paths.iter().rev().filter_map(read).take(limit).collect();
        rounds.reverse();
        Ok(rounds)
    }

    /// Returns the definition of the round in progress, if there is one.
    pub fn round(&self) -> Result<Option<RoundFile>, StoreError> {
        read_json(&self.round_path())
    }

    /// Stores the definition of the round in progress.
    pub fn put_round(&self, round: &RoundFile) -> Result<(), StoreError> {
        self.write(&self.round_path(), &to_json(round))
    }
}
