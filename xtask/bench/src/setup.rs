//! What every group of rows needs to know.

use std::path::PathBuf;

/// What is measured, where, and how often.
pub struct BenchSetup {
    /// The `arena` binary that is measured
    pub arena: PathBuf,
    /// Directory of peers, their data and the stores that rows use
    pub dir: PathBuf,
    /// Containers that run at the same time
    pub jobs: usize,
    /// Runs of each row
    pub runs: u32,
}
