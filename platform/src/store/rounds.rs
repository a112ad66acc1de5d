//! Rankings, and the open round.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use tasks::Seed;

use super::disk;
use super::error::StoreError;
use super::files::{FileStamp, Store, read_json, to_json};
use super::lock;
use super::meta::RoundDefinition;
use crate::api::{PreviousRound, Rankings, Round, RoundStatus};

impl Store {
    /// Returns the latest ranking, if there has been a round.
    pub fn rankings(&self) -> Result<Option<Rankings>, StoreError> {
        read_json(&self.rankings_path())
    }

    /// Returns a stamp that changes with the latest ranking, without reading it.
    pub fn rankings_stamp(&self) -> Result<Option<FileStamp>, StoreError> {
        stamp(&self.rankings_path())
    }

    /// Returns a stamp that changes with the ranking of a round, without reading it; `None` if there is no such round.
    pub fn round_stamp(&self, id: &str) -> Result<Option<FileStamp>, StoreError> {
        stamp(&self.ranking_path(id)?)
    }

    /// Returns the file of a round's ranking as it was written; `None` if there is no such round.
    pub fn round_file(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.ranking_path(id)?;
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Stores this as the latest ranking and among the rounds so far. Standings of an open round replace its earlier
    /// ones; the ranking of a closed round is final. A round that was opened before the latest one is refused, and one
    /// that does not name the closed round before it.
    pub fn put_rankings(&self, rankings: &Rankings) -> Result<(), StoreError> {
        let round = &rankings.round;
        let path = self.ranking_path(&round.id)?;
        let _lock = lock::publication(&self.locks_dir())?;
        if let Some(stored) = read_json::<Rankings>(&path)?
            && stored.round.status == RoundStatus::Closed
        {
            if stored == *rankings {
                return self.write(&self.rankings_path(), &to_json(rankings));
            }
            return Err(StoreError::Round(format!(
                "round {} is closed: its ranking is final",
                round.id
            )));
        }
        // A damaged file is replaced.
        if let Some(latest) = self.rankings().ok().flatten()
            && (latest.round.opened_at, &latest.round.id) > (round.opened_at, &round.id)
        {
            return Err(StoreError::Round(format!(
                "round {} was opened before the published round {}: publish a newer round",
                round.id, latest.round.id
            )));
        }
        self.check_chain(round)?;
        let bytes = to_json(rankings);
        self.write(&path, &bytes)?;
        self.write(&self.rankings_path(), &bytes)
    }

    /// Returns the latest closed round, but for the one with this id. It is what the next round states as the one before
    /// it.
    pub fn latest_closed(&self, but: Option<&str>) -> Result<Option<PreviousRound>, StoreError> {
        let mut latest: Option<(Timestamp, String)> = None;
        for id in self.round_ids()?.into_iter().rev().filter(|id| Some(id.as_str()) != but) {
            // Ids of one second are in no order.
            if latest
                .as_ref()
                .is_some_and(|(_, found)| Round::time_in(found) != Round::time_in(&id))
            {
                break;
            }
            let Some(Rankings { round, .. }) = read_json(&self.ranking_path(&id)?)? else {
                continue;
            };
            let later = latest.as_ref().is_none_or(|(time, _)| *time < round.opened_at);
            if round.status == RoundStatus::Closed && later {
                latest = Some((round.opened_at, id));
            }
        }
        let Some((_, id)) = latest else { return Ok(None) };
        // As it was written, so that the digest does not depend on this version's fields.
        let document = read_json::<Value>(&self.ranking_path(&id)?)?;
        Ok(document.as_ref().and_then(PreviousRound::of_document))
    }

    /// Refuses a round that does not name the closed round before it. A store without closed rounds may begin anywhere in
    /// a chain.
    fn check_chain(&self, round: &Round) -> Result<(), StoreError> {
        let Some(before) = self.latest_closed(Some(&round.id))? else { return Ok(()) };
        let reason = match &round.previous {
            Some(stated) if *stated == before => return Ok(()),
            Some(stated) if stated.id == before.id => {
                format!("{} with another digest than it has here", stated.id)
            }
            Some(stated) => stated.id.clone(),
            None => "none".to_owned(),
        };
        Err(StoreError::Round(format!(
            "broken chain: round {} names {reason} as the closed round before it, but that is {} here",
            round.id, before.id
        )))
    }

    /// The ids of all rounds, sorted. Other files are left out.
    pub fn round_ids(&self) -> Result<Vec<String>, StoreError> {
        let directory = self.rounds_dir();
        let mut ids = Vec::new();
        for entry in fs::read_dir(&directory).map_err(StoreError::io("read", &directory))? {
            let name = entry.map_err(StoreError::io("read", &directory))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            ids.extend(id.filter(|id| Round::check_id(id).is_ok()).map(str::to_owned));
        }
        ids.sort();
        Ok(ids)
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

    /// Returns the open round, if there is one. A round that was closed stays closed, also if a crash left its file.
    pub fn open_round(&self) -> Result<Option<RoundDefinition>, StoreError> {
        let Some(round) = read_json::<RoundDefinition>(&self.round_path())? else {
            return Ok(None);
        };
        let ranking = read_json::<Rankings>(&self.ranking_path(&round.id)?)?;
        let closed = ranking.is_some_and(|ranking| ranking.round.status == RoundStatus::Closed);
        Ok((!closed).then_some(round))
    }

    /// Returns the open round, or else the latest published one if it is closed.
    pub fn latest_round(&self) -> Result<Option<RoundDefinition>, StoreError> {
        if let Some(open) = self.open_round()? {
            return Ok(Some(open));
        }
        let latest = self.rankings()?;
        Ok(latest.and_then(|rankings| RoundDefinition::of_closed(&rankings.round)))
    }

    /// Stores the open round, in a file that only its owner may read.
    pub fn put_open_round(&self, round: &RoundDefinition) -> Result<(), StoreError> {
        disk::replace_private(self.disk(), &self.round_path(), &to_json(round))
    }

    /// Closes the open round: stores its final ranking, which reveals the seed, and then forgets the round.
    pub fn close_round(&self, rankings: &Rankings) -> Result<(), StoreError> {
        self.put_rankings(rankings)?;
        let path = self.round_path();
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        disk::sync_directory(self.disk(), self.root())
    }

    /// Returns the ranking of a round, and its file as it was written.
    pub fn ranking_of(&self, id: &str) -> Result<Option<(Rankings, Vec<u8>)>, StoreError> {
        let path = self.ranking_path(id)?;
        let Some(rankings) = read_json(&path)? else { return Ok(None) };
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        Ok(Some((rankings, bytes)))
    }

    /// The file of a round's ranking.
    fn ranking_path(&self, id: &str) -> Result<PathBuf, StoreError> {
        Round::check_id(id).map_err(StoreError::Round)?;
        Ok(self.rounds_dir().join(format!("{id}.json")))
    }

    /// Returns the seeds that closed rounds have revealed.
    pub fn revealed_seeds(&self) -> Result<Vec<Seed>, StoreError> {
        let rounds = self.rounds(usize::MAX)?;
        Ok(rounds.iter().filter_map(|rankings| rankings.round.seed).collect())
    }

    /// Takes the right to evaluate: one process at a time per store. The lock ends with its owner.
    pub fn lock_round(&self) -> Result<RoundLock, StoreError> {
        let path = self.root().join("round.lock");
        let io = || StoreError::io("lock", &path);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(&path).map_err(io())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner);
                return Err(StoreError::Round(format!(
                    "another evaluation of {} is running (process {}): wait for it, or stop it",
                    self.root().display(),
                    owner.trim()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(io()(error)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io())?;
        Ok(RoundLock { _file: file })
    }
}

fn stamp(path: &Path) -> Result<Option<FileStamp>, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(FileStamp::of(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// The right to evaluate the store's round, until dropped.
#[derive(Debug)]
pub struct RoundLock {
    _file: File,
}
