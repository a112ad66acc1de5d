//! Taking an upload: who may, what is written in which order, and what is taken back when it fails.

use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tasks::Sha256;

use super::folder_sync::{FolderSync, Ticket};
use super::lock::Guard;
use super::token::{Token, is_token_of};
use super::{AgentMeta, Receipt, Store, StoreError, Version, disk, to_json};
use crate::MinerId;

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
        let mut guard = self.lock(miner_id)?;
        let current = self.agent(miner_id)?;
        if let Some(current) = &current {
            check_owner(current, token)?;
        }
        let sha256 = Sha256::of(source);
        let unchanged = current.as_ref().is_some_and(|current| current.sha256 == sha256);
        let (meta, token) = match current {
            Some(current) if unchanged => (current, None),
            Some(current) => (next_version(current, sha256, source), None),
            None => {
                let token = Token::random();
                let meta = AgentMeta {
                    miner_id: miner_id.clone(),
                    version: 1,
                    sha256,
                    size: source.len() as u64,
                    uploaded_at: Timestamp::now(),
                    history: Vec::new(),
                    token_sha256: token.sha256(),
                };
                (meta, Some(token))
            }
        };
        let version = self.put_version(&meta.sha256, source)?;
        guard.begin()?;
        if unchanged {
            // Whoever sent these bytes first may have been killed before the folders were synced.
            self.wait(&self.versions_sync, version, &self.versions_dir())?;
            self.wait(&self.agents_sync, self.agents_sync.ticket(), &self.agents_dir())?;
        } else {
            self.put_meta(&meta, Some(version))?;
        }
        // The copy for people comes last: without it nothing is lost, and the next start makes it.
        if self.put_copy(miner_id, source).is_ok() {
            guard.finish();
        }
        Ok(receipt(&meta, token, unchanged))
    }

    /// Whether this is the first upload under the id. If it is not, the token must be the owner's.
    pub fn authorize(&self, miner_id: &MinerId, token: Option<&str>) -> Result<bool, StoreError> {
        match self.agent(miner_id)? {
            None => Ok(true),
            Some(meta) => check_owner(&meta, token).map(|()| false),
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
        // The copy has nothing to do with the token, so that nothing is begun that others would finish.
        let _guard = self.lock(miner_id)?;
        let mut meta = current()?;
        let token = Token::random();
        meta.token_sha256 = token.sha256();
        self.put_meta(&meta, None)?;
        Ok(token.into_string())
    }

    /// Waits for the right to write this id's files.
    pub(super) fn lock(&self, miner_id: &MinerId) -> Result<Guard, StoreError> {
        Guard::acquire(&self.locks_dir(), miner_id, |left| self.settle(left))
    }

    /// Makes the copy for people what the metadata says, after a crash between the two. The copy is written
    /// last, so that one without metadata is none of ours, and is left to `verify`.
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
        disk::replace_copy(&*self.disk, &copy, source)
    }

    /// Puts the version under its digest. It is durable when the ticket's sync has ended.
    fn put_version(&self, sha256: &Sha256, source: &[u8]) -> Result<Ticket, StoreError> {
        let path = self.version_path(sha256);
        // A version that is there already may be of an upload that has not come so far as to sync the
        // folder, so that step is never left out.
        if !fs::read(&path).is_ok_and(|stored| stored == source) {
            disk::replace(&*self.disk, &path, source)?;
        }
        Ok(self.versions_sync.ticket())
    }

    /// Makes the metadata durable, or leaves the earlier one in force. It is not seen before the version
    /// that it names is durable; its own file is written while others may already sync that.
    fn put_meta(&self, meta: &AgentMeta, version: Option<Ticket>) -> Result<(), StoreError> {
        let path = self.meta_path(&meta.miner_id);
        let earlier = self.keep(&path)?;
        let version_is_durable = || match version {
            Some(ticket) => self.wait(&self.versions_sync, ticket, &self.versions_dir()),
            None => Ok(()),
        };
        let written = disk::replace_after(&*self.disk, &path, &to_json(meta), version_is_durable)
            .and_then(|()| {
                self.wait(&self.agents_sync, self.agents_sync.ticket(), &self.agents_dir())
            });
        match (&written, earlier) {
            (Ok(()), Some((earlier, _lock))) => {
                let _ = fs::remove_file(earlier);
            }
            (Ok(()), None) => {}
            // Whether the new metadata would survive is not known, so it must not be seen either.
            (Err(_), Some((earlier, _lock))) => {
                let _ = fs::rename(&earlier, &path);
                let _ = fs::remove_file(&earlier);
            }
            (Err(_), None) => {
                let _ = fs::remove_file(&path);
            }
        }
        written
    }

    /// Waits until the names in the folder are durable, with one sync for all who want one.
    fn wait(&self, syncs: &FolderSync, ticket: Ticket, folder: &Path) -> Result<(), StoreError> {
        syncs.wait(ticket, || self.disk.sync_folder(folder)).map_err(StoreError::io("sync", folder))
    }

    /// Gives the file a second name, under which it can be brought back. The open file is locked, which
    /// keeps a sweep away from it.
    fn keep(&self, path: &Path) -> Result<Option<(PathBuf, File)>, StoreError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        let _ = file.try_lock();
        let kept = disk::unfinished_path(path);
        self.disk.link(path, &kept).map_err(StoreError::io("write", path))?;
        Ok(Some((kept, file)))
    }
}

fn check_owner(meta: &AgentMeta, token: Option<&str>) -> Result<(), StoreError> {
    match token {
        None => Err(StoreError::TokenMissing(meta.miner_id.clone())),
        Some(token) if is_token_of(token, &meta.token_sha256) => Ok(()),
        Some(_) => Err(StoreError::TokenWrong(meta.miner_id.clone())),
    }
}

fn next_version(mut meta: AgentMeta, sha256: Sha256, source: &[u8]) -> AgentMeta {
    meta.history.push(Version {
        version: meta.version,
        sha256: mem::replace(&mut meta.sha256, sha256),
        size: mem::replace(&mut meta.size, source.len() as u64),
        uploaded_at: mem::replace(&mut meta.uploaded_at, Timestamp::now()),
    });
    meta.version += 1;
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
