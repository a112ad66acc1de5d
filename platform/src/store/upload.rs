//! Uploads and tokens: who may write, what is written in which order, and what is undone after a failure.

use std::fs;
use std::io;
use std::mem;

use jiff::Timestamp;
use tasks::Sha256;

use super::disk;
use super::error::StoreError;
use super::files::{Store, to_json};
use super::lock::{self, WriteLock};
use super::meta::{AgentMeta, MAX_HISTORY};
use super::token::{OwnerToken, matches_digest};
use crate::api::{AgentVersion, MinerId, ProfileEdits, Receipt};
use crate::log::log_line;

/// An agent that is to be stored.
#[derive(Clone, Debug)]
pub struct SourceUpload<'a> {
    /// The file.
    pub source: &'a [u8],
    /// The digest of its program; none in a build that has no parser.
    pub program_sha256: Option<Sha256>,
    /// What it says about the miner's profile.
    pub profile: ProfileEdits,
}

impl<'a> SourceUpload<'a> {
    /// An agent with the digest of its program. Fails when the system has no resources to parse.
    pub fn new(source: &'a [u8]) -> io::Result<Self> {
        #[cfg(feature = "validation")]
        let program_sha256 = Some(crate::similarity::program_sha256(source)?);
        #[cfg(not(feature = "validation"))]
        let program_sha256 = None;
        Ok(Self { source, program_sha256, profile: ProfileEdits::default() })
    }
}

impl Store {
    /// Stores a source as the miner's current agent: [`Store::put_upload`], with the tokens read here.
    pub fn put_agent(
        &self,
        miner_id: &MinerId,
        source: &[u8],
        token: Option<&str>,
    ) -> Result<Receipt, StoreError> {
        let path = self.source_path(miner_id);
        let upload = SourceUpload::new(source).map_err(StoreError::io("parse", &path))?;
        self.put_upload(miner_id, &upload, token)
    }

    /// Stores an upload as the miner's current agent. A new id gets a token in its receipt, once; an id that
    /// is taken requires it. The same bytes as the current version create no new version, but restore what
    /// was lost of it. When this returns `Ok`, the upload survives kill -9 and power loss; when it returns an
    /// error, the earlier version is still stored.
    ///
    /// The source is not checked here.
    pub fn put_upload(
        &self,
        miner_id: &MinerId,
        upload: &SourceUpload<'_>,
        token: Option<&str>,
    ) -> Result<Receipt, StoreError> {
        let source = upload.source;
        let mut lock = self.lock(miner_id)?;
        let current = self.authorize(miner_id, token)?;
        let sha256 = Sha256::of(source);
        let is_unchanged = current.as_ref().is_some_and(|current| current.sha256 == sha256);
        let (meta, token) = match current.clone() {
            Some(current) if is_unchanged => (current, None),
            Some(current) => (next_version(current, sha256, upload), None),
            None => {
                let token = OwnerToken::random();
                (first_version(miner_id.clone(), upload, &token), Some(token))
            }
        };
        let meta = edited(meta, &upload.profile);
        self.put_version(&meta.sha256, source)?;
        if current.as_ref() == Some(&meta) {
            // The metadata is visible, but its writer may have been killed before it synced the directory.
            disk::sync_directory(self.disk(), &self.agents_dir())?;
        } else {
            lock.note(miner_id)?;
            let committed = self.commit(&meta, current.as_ref());
            committed.inspect_err(|_| lock.clear_note())?;
        }
        // The copy for people comes last: nothing is lost without it.
        match self.put_copy(miner_id, source) {
            Ok(()) => lock.clear_note(),
            Err(error) => log_no_copy(miner_id, &error),
        }
        Ok(Receipt {
            miner_id: meta.miner_id,
            version: meta.version,
            sha256: meta.sha256,
            uploaded_at: meta.uploaded_at,
            token: token.map(OwnerToken::into_string),
            unchanged: is_unchanged,
            signature: None,
        })
    }

    /// Returns the metadata stored under the id, if there is any. The token must be the owner's then.
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

    /// Issues a new token to the owner and revokes the old one.
    pub fn rotate_token(
        &self,
        miner_id: &MinerId,
        token: Option<&str>,
    ) -> Result<String, StoreError> {
        self.replace_token(miner_id, |meta| check_owner(meta, token))
    }

    /// Issues a new token without asking for the old one, for an operator whose miner has lost it.
    pub fn reset_token(&self, miner_id: &MinerId) -> Result<String, StoreError> {
        self.replace_token(miner_id, |_| Ok(()))
    }

    /// Withdraws an agent: it is no longer listed or judged. Its versions, its places in past rounds and its id stay, and
    /// the same token may upload again. Who may ask for it is for the caller to decide.
    pub fn withdraw(&self, miner_id: &MinerId) -> Result<(), StoreError> {
        let _lock = self.lock(miner_id)?;
        let current = self.agent(miner_id)?;
        let current = current.ok_or_else(|| StoreError::Unknown(miner_id.clone()))?;
        if current.withdrawn_at.is_some() {
            // Its writer may have been killed before it synced the directory.
            return disk::sync_directory(self.disk(), &self.agents_dir());
        }
        let meta = AgentMeta { withdrawn_at: Some(Timestamp::now()), ..current.clone() };
        self.commit(&meta, Some(&current))
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
        // Check before locking, so that refused requests delay no writer.
        current()?;
        let _lock = self.lock(miner_id)?;
        let current = current()?;
        let token = OwnerToken::random();
        let meta = AgentMeta { token_sha256: token.sha256(), ..current.clone() };
        self.commit(&meta, Some(&current))?;
        Ok(token.into_string())
    }

    /// Waits for the right to write this id's files. If an earlier owner of the lock died at work, its copy is
    /// written first.
    pub(super) fn lock(&self, miner_id: &MinerId) -> Result<WriteLock, StoreError> {
        let (lock, interrupted) = WriteLock::acquire(&self.locks_dir(), miner_id)?;
        if let Some(interrupted) = interrupted {
            self.finish(&lock, &interrupted);
        }
        Ok(lock)
    }

    /// Writes the copies that crashed writers have not written.
    pub(super) fn finish_interrupted(&self) -> Result<(), StoreError> {
        for (lock, miner_id) in lock::interrupted(&self.locks_dir())? {
            self.finish(&lock, &miner_id);
        }
        Ok(())
    }

    /// Writes the copy that a crashed writer left out. A failure stops neither a start nor another upload; the
    /// note stays, so that the next start tries again.
    fn finish(&self, lock: &WriteLock, miner_id: &MinerId) {
        match self.restore_copy(miner_id) {
            Ok(()) => lock.clear_note(),
            Err(error) => log_no_copy(miner_id, &error),
        }
    }

    /// Makes the copy for people match the metadata. A copy without metadata was never accepted, and is left
    /// to `fsck`.
    pub(super) fn restore_copy(&self, miner_id: &MinerId) -> Result<(), StoreError> {
        match self.agent(miner_id) {
            Ok(Some(meta)) => {
                // A version that cannot be read leaves nothing to copy; `fsck` reports it.
                let Ok(source) = self.source(&meta) else { return Ok(()) };
                self.put_copy(miner_id, source.as_bytes())
            }
            Ok(None) | Err(StoreError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes `meta` durable in place of `earlier`. When this fails, the earlier metadata stays in force.
    pub(super) fn commit(
        &self,
        meta: &AgentMeta,
        earlier: Option<&AgentMeta>,
    ) -> Result<(), StoreError> {
        let path = self.meta_path(&meta.miner_id);
        self.write(&path, &to_json(meta)).inspect_err(|_| {
            // The new metadata may be visible already and not durable.
            let is_visible =
                matches!(self.agent(&meta.miner_id), Ok(Some(stored)) if stored == *meta);
            if !is_visible {
                return;
            }
            let undone = match earlier {
                Some(earlier) => self.write(&path, &to_json(earlier)),
                None => fs::remove_file(&path).map_err(StoreError::io("remove", &path)),
            };
            if let Err(error) = undone {
                log_line(format_args!(
                    "platform: a refused change of '{}' could not be undone: {error}",
                    meta.miner_id
                ));
            }
        })
    }

    /// Stores the version under its digest. When this returns, it is durable.
    fn put_version(&self, sha256: &Sha256, source: &[u8]) -> Result<(), StoreError> {
        let path = self.version_path(sha256);
        if fs::read(&path).is_ok_and(|stored| stored == source) {
            // Its writer may have been killed before it synced the directory.
            return disk::sync_directory(self.disk(), &self.versions_dir());
        }
        disk::replace(self.disk(), &path, source)
    }

    /// Makes the copy for people hold this source.
    fn put_copy(&self, miner_id: &MinerId, source: &[u8]) -> Result<(), StoreError> {
        let copy = self.source_path(miner_id);
        if fs::read(&copy).is_ok_and(|stored| stored == source) {
            return Ok(());
        }
        disk::replace_unsynced(self.disk(), &copy, source)
    }
}

/// A copy that cannot be written fails no upload.
fn log_no_copy(miner_id: &MinerId, error: &StoreError) {
    log_line(format_args!(
        "platform: the copy of '{miner_id}' for people is missing or old: {error}; the next start or `arena fsck \
         --repair` writes it"
    ));
}

fn check_owner(meta: &AgentMeta, token: Option<&str>) -> Result<(), StoreError> {
    match token {
        None => Err(StoreError::TokenMissing(meta.miner_id.clone())),
        Some(token) if matches_digest(token, &meta.token_sha256) => Ok(()),
        Some(_) => Err(StoreError::TokenWrong(meta.miner_id.clone())),
    }
}

fn first_version(miner_id: MinerId, upload: &SourceUpload<'_>, token: &OwnerToken) -> AgentMeta {
    AgentMeta {
        miner_id,
        version: 1,
        sha256: Sha256::of(upload.source),
        program_sha256: upload.program_sha256.clone(),
        size: upload.source.len() as u64,
        uploaded_at: Timestamp::now(),
        history: Vec::new(),
        token_sha256: token.sha256(),
        display_name: None,
        url: None,
        withdrawn_at: None,
    }
}

/// The metadata after an upload with these edits. An upload ends a withdrawal.
fn edited(meta: AgentMeta, profile: &ProfileEdits) -> AgentMeta {
    let ProfileEdits { display_name, url } = profile.clone();
    AgentMeta {
        display_name: display_name.of(meta.display_name),
        url: url.of(meta.url),
        withdrawn_at: None,
        ..meta
    }
}

fn next_version(mut meta: AgentMeta, sha256: Sha256, upload: &SourceUpload<'_>) -> AgentMeta {
    meta.history.push(AgentVersion {
        version: meta.version,
        sha256: mem::replace(&mut meta.sha256, sha256),
        program_sha256: mem::replace(&mut meta.program_sha256, upload.program_sha256.clone()),
        size: mem::replace(&mut meta.size, upload.source.len() as u64),
        uploaded_at: mem::replace(&mut meta.uploaded_at, Timestamp::now()),
    });
    let excess = meta.history.len().saturating_sub(MAX_HISTORY);
    meta.history.drain(..excess);
    meta.version += 1;
    meta
}
