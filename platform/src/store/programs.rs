//! The digests of programs in the metadata of agents, checked against the stored versions.

use tasks::Sha256;

use super::error::StoreError;
use super::files::Store;
use super::meta::AgentMeta;
use crate::api::MinerId;
use crate::similarity::program_sha256;

impl Store {
    /// Adds the digests of programs that agents stored by an older version lack. Returns the number of agents that had
    /// none. A version that cannot be read keeps none; `fsck` reports it.
    pub fn add_missing_programs(&self) -> Result<usize, StoreError> {
        let lacks_any = |meta: &AgentMeta| {
            let earlier = meta.history.iter().map(|version| &version.program_sha256);
            earlier.chain([&meta.program_sha256]).any(Option::is_none)
        };
        let lacking = self.agents()?.agents.into_iter().filter(lacks_any);
        let mut added = 0;
        for meta in lacking {
            self.repair_programs(&meta.miner_id)?;
            added += 1;
        }
        Ok(added)
    }

    /// Returns the metadata with the digests of programs that follow from the stored versions.
    pub(super) fn with_programs(&self, meta: &AgentMeta) -> Result<AgentMeta, StoreError> {
        let of = |sha256: &Sha256, stored: &Option<Sha256>| {
            let path = self.version_path(sha256);
            match self.source_of_version(&meta.miner_id, sha256) {
                Ok(source) => program_sha256(source.as_bytes())
                    .map(Some)
                    .map_err(StoreError::io("parse", &path)),
                // A digest that cannot be checked stays.
                Err(StoreError::Damaged { .. }) => Ok(stored.clone()),
                Err(error) => Err(error),
            }
        };
        let mut right = meta.clone();
        right.program_sha256 = of(&meta.sha256, &meta.program_sha256)?;
        for version in &mut right.history {
            version.program_sha256 = of(&version.sha256, &version.program_sha256)?;
        }
        Ok(right)
    }

    /// Replaces the digests of programs of an agent by those that follow from its versions.
    pub(super) fn repair_programs(&self, miner_id: &MinerId) -> Result<(), StoreError> {
        let _lock = self.lock(miner_id)?;
        let Some(meta) = self.agent(miner_id)? else { return Ok(()) };
        let right = self.with_programs(&meta)?;
        if right == meta { Ok(()) } else { self.commit(&right, Some(&meta)) }
    }
}
