//! What all rows of the HTTP server need.

use std::path::PathBuf;

use crate::setup::BenchSetup;

/// The benchmark of the HTTP server.
pub struct PlatformBench<'a> {
    pub setup: &'a BenchSetup,
    /// Python with the packages of the peer
    pub python: PathBuf,
}

impl PlatformBench<'_> {
    /// An empty directory for a store, removed when dropped.
    pub fn store(&self) -> anyhow::Result<tempfile::TempDir> {
        Ok(tempfile::tempdir_in(&self.setup.dir)?)
    }
}
