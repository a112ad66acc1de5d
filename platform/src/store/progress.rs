//! The progress of the running evaluation.

use jiff::Timestamp;

use super::disk;
use super::error::StoreError;
use super::files::{Store, read_json, to_json};
use crate::api::RoundProgress;

impl Store {
    /// Stores the progress of an evaluation. A power loss may lose it: the next evaluation writes another.
    pub fn put_progress(&self, progress: &RoundProgress) -> Result<(), StoreError> {
        disk::replace_unsynced(self.disk(), &self.progress_path(), &to_json(progress))
    }

    /// Returns the progress of the latest evaluation, if there was one. A running one that was not heard of for
    /// [`RoundProgress::STALE`] counts as stopped.
    pub fn progress(&self) -> Result<Option<RoundProgress>, StoreError> {
        match read_json::<RoundProgress>(&self.progress_path()) {
            Ok(progress) => Ok(progress.map(|progress| progress.at(Timestamp::now()))),
            // It is not synced, so a power loss may leave an empty file.
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::api::ProgressState;

    #[test]
    fn keeps_the_latest_progress_and_forgets_a_damaged_or_silent_one() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        assert_eq!(store.progress().unwrap(), None);
        let now = Timestamp::now();
        let mut progress = RoundProgress {
            round: "20260101T120000Z-5eed0007".to_owned(),
            started_at: now,
            updated_at: now,
            trials_done: 1,
            trials_total: 2,
            cached: 1,
            faults: 0,
            agents_done: 0,
            agents_total: 1,
            state: ProgressState::Running,
        };
        store.put_progress(&progress).unwrap();
        assert_eq!(store.progress().unwrap().as_ref(), Some(&progress));
        progress.updated_at = now - SignedDuration::from_secs(61);
        store.put_progress(&progress).unwrap();
        assert_eq!(store.progress().unwrap().unwrap().state, ProgressState::Stopped);
        std::fs::write(directory.path().join("progress.json"), "").unwrap();
        assert_eq!(store.progress().unwrap(), None);
    }
}
