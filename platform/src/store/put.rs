//! Taking an upload: who may, what is written in which order, and what is taken back when it fails.

use std::fs;
use std::mem;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tasks::Sha256;

use super::disk::Unfinished;
use super::journal::Segment;
use super::lock::Guard;
use super::token::{Token, is_token_of};
use super::{AgentMeta, MAX_HISTORY, Receipt, Store, StoreError, Version, disk, to_json};
use crate::{MinerId, tell};

impl Store {
    /// Stores this as the miner's current agent. A new id gets a token in its receipt, once; an id that
    /// is taken needs it. The same bytes as the current version make no new version, but mend what was
    /// lost of it. When this returns `Ok`, the upload survives kill -9 and power loss; when it does not,
    /// what was stored before still is.
    ///
    /// What the source says is not looked at: see [`crate::validation`].
    pub fn put_agent(
        &self,
        miner_id: &MinerId,
        source: &[u8],
        token: Option<&str>,
    ) -> Result<Receipt, StoreError> {
        let _guard = self.lock(miner_id)?;
        let current = self.authorize(miner_id, token)?;
        let sha256 = Sha256::of(source);
        let (meta, token) = match current {
            Some(current) if current.sha256 == sha256 => {
                self.mend_version(&current, source)?;
                return Ok(receipt(&current, None, true));
            }
            Some(current) => (next_version(current, sha256, source), None),
            None => {
                let (token, now) = (Token::random(), Timestamp::now());
                let meta = AgentMeta {
                    miner_id: miner_id.clone(),
                    version: 1,
                    sha256,
                    size: source.len() as u64,
                    uploaded_at: now,
                    history: Vec::new(),
                    token_sha256: token.sha256(),
                    changed_at: now,
                };
                (meta, Some(token))
            }
        };
        let segment = self.journal.segment()?;
        self.put_version(&meta.sha256, source)?;
        self.commit(&segment, &meta, source)?;
        // The copy for people comes last: without it nothing is lost.
        self.put_copy(miner_id, source).unwrap_or_else(|error| tell_no_copy(miner_id, &error));
        Ok(receipt(&meta, token, false))
    }

    /// What is stored under the id, for its owner alone: if there is something, the token must be the owner's.
    pub fn authorize(
        &self,
        miner_id: &MinerId,
        token: Option<&str>,
    ) -> Result<Option<AgentMeta>, StoreError> {
        let current = self.agent(miner_id)?;
        match &current {
            Some(meta) => check_owner(meta, token).map(|()| current),
            None => Ok(None),
        }
    }

    /// Gives the owner a new token; the old one is worth nothing from then on.
    pub fn rotate_token(
        &self,
        miner_id: &MinerId,
        token: Option<&str>,
    ) -> Result<String, StoreError> {
        self.replace_token(miner_id, |meta| check_owner(meta, token))
    }

    /// Gives out a new token without asking for the old one: for the operator, whose miner has lost it.
    pub fn reset_token(&self, miner_id: &MinerId) -> Result<String, StoreError> {
        self.replace_token(miner_id, |_| Ok(()))
    }

    fn replace_token(
        &self,
        miner_id: &MinerId,
        allow: impl Fn(&AgentMeta) -> Result<(), StoreError>,
    ) -> Result<String, StoreError> {
        let current = || {
            let current = self.agent(miner_id)?;
            let meta = current.ok_or_else(|| StoreError::Unknown(miner_id.clone()))?;
            allow(&meta).map(|()| meta)
        };
        // Strangers are refused before they could keep a writer waiting.
        current()?;
        let _guard = self.lock(miner_id)?;
        let mut meta = current()?;
        let token = Token::random();
        meta.token_sha256 = token.sha256();
        meta.changed_at = after(meta.changed_at);
        self.commit(&self.journal.segment()?, &meta, &[])?;
        Ok(token.into_string())
    }

    /// Waits for the right to write this id's files.
    pub(super) fn lock(&self, miner_id: &MinerId) -> Result<Guard, StoreError> {
        Guard::acquire(&self.locks_dir(), miner_id)
    }

    /// Makes the metadata durable and puts it in place, which is the moment in which the upload exists. When
    /// this fails, the earlier metadata stays in force.
    fn commit(
        &self,
        segment: &Arc<Segment>,
        meta: &AgentMeta,
        source: &[u8],
    ) -> Result<(), StoreError> {
        let (path, bytes) = (self.meta_path(&meta.miner_id), to_json(meta));
        // There is room for the new file before the journal says that it is there.
        let unfinished = Unfinished::write(&*self.disk, &path, &bytes)?;
        self.journal.put(segment, meta, source)?;
        unfinished.put_in_place().inspect_err(|_| self.journal.take_back(segment, meta))
    }

    /// Puts the metadata in place, where the journal has it already.
    pub(super) fn put_meta(&self, meta: &AgentMeta) -> Result<(), StoreError> {
        disk::replace_unsynced(&*self.disk, &self.meta_path(&meta.miner_id), &to_json(meta))
    }

    /// Puts the version under its digest, unless it is there. It is durable when the journal is.
    pub(super) fn put_version(&self, sha256: &Sha256, source: &[u8]) -> Result<(), StoreError> {
        let path = self.version_path(sha256);
        if fs::read(&path).is_ok_and(|stored| stored == source) {
            return Ok(());
        }
        disk::replace_unsynced(&*self.disk, &path, source)
    }

    /// Brings back what was lost of the current version, which nothing else has in hand any more.
    fn mend_version(&self, meta: &AgentMeta, source: &[u8]) -> Result<(), StoreError> {
        let path = self.version_path(&meta.sha256);
        if !fs::read(&path).is_ok_and(|stored| stored == source) {
            self.write(&path, source)?;
        }
        let copied = self.put_copy(&meta.miner_id, source);
        copied.unwrap_or_else(|error| tell_no_copy(&meta.miner_id, &error));
        Ok(())
    }

    /// Makes the copy for people what the metadata says. The copy is written last, so that one without
    /// metadata is none of ours, and is left to `verify`.
    pub(super) fn settle(&self, miner_id: &MinerId) -> Result<(), StoreError> {
        match self.agent(miner_id) {
            Ok(Some(meta)) => {
                // A version that cannot be read is for `verify` to report; there is nothing to copy.
                let Ok(source) = self.source(&meta) else { return Ok(()) };
                self.put_copy(miner_id, source.as_bytes())
            }
            Ok(None) | Err(StoreError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the copy for people this source, unless it is.
    fn put_copy(&self, miner_id: &MinerId, source: &[u8]) -> Result<(), StoreError> {
        let copy = self.source_path(miner_id);
        if fs::read(&copy).is_ok_and(|stored| stored == source) {
            return Ok(());
        }
        disk::replace_unsynced(&*self.disk, &copy, source)
    }
}

/// A copy for people that cannot be made is nobody's failure.
pub(super) fn tell_no_copy(miner_id: &MinerId, error: &StoreError) {
    tell(format_args!(
        "platform: {error}; until then `platform verify --repair` makes the copy of '{miner_id}' for people"
    ));
}

fn check_owner(meta: &AgentMeta, token: Option<&str>) -> Result<(), StoreError> {
    match token {
        None => Err(StoreError::TokenMissing(meta.miner_id.clone())),
        Some(token) if is_token_of(token, &meta.token_sha256) => Ok(()),
        Some(_) => Err(StoreError::TokenWrong(meta.miner_id.clone())),
    }
}

/// Now, but never before what is there already: the journal tells the newer from the older by it.
fn after(earlier: Timestamp) -> Timestamp {
    Timestamp::now().max(earlier + SignedDuration::from_nanos(1))
}

fn next_version(mut meta: AgentMeta, sha256: Sha256, source: &[u8]) -> AgentMeta {
    let now = after(meta.changed_at);
    meta.history.push(Version {
        version: meta.version,
        sha256: mem::replace(&mut meta.sha256, sha256),
        size: mem::replace(&mut meta.size, source.len() as u64),
        uploaded_at: mem::replace(&mut meta.uploaded_at, now),
    });
    let too_many = meta.history.len().saturating_sub(MAX_HISTORY);
    meta.history.drain(..too_many);
    meta.version += 1;
    meta.changed_at = now;
    meta
}

fn receipt(meta: &AgentMeta, token: Option<Token>, unchanged: bool) -> Receipt {
    Receipt {
        miner_id: meta.miner_id.clone(),
        version: meta.version,
        sha256: meta.sha256.clone(),
        token: token.map(Token::into_string),
        unchanged,
    }
}
