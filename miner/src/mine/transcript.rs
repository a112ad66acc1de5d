//! Transcripts: every exchange with a model as one line of JSON.
//!
//! Sources return replies without their keys, so a transcript contains none.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use platform::MinerId;
use serde::Serialize;

use super::event::ModelExchange;

/// A transcript that is being written.
#[derive(Debug)]
pub struct Transcript {
    file: File,
    path: PathBuf,
    miner: MinerId,
}

#[derive(Serialize)]
struct TranscriptLine<'a> {
    at: Timestamp,
    miner_id: &'a MinerId,
    #[serde(flatten)]
    exchange: &'a ModelExchange,
}

impl Transcript {
    /// Begins a transcript in a directory, which is created if it does not exist. The file is named after miner and
    /// time.
    pub fn begin(directory: &Path, miner: &MinerId, at: Timestamp) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let name = format!("{miner}-{}.jsonl", at.strftime("%Y%m%dT%H%M%S%.3fZ"));
        let path = directory.join(name);
        let file = File::options().create(true).append(true).open(&path)?;
        Ok(Self { file, path, miner: miner.clone() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an exchange. One write per line, so that a killed program leaves complete lines.
    pub fn add(&self, at: Timestamp, exchange: &ModelExchange) -> io::Result<()> {
        let line = TranscriptLine { at, miner_id: &self.miner, exchange };
        let mut json = serde_json::to_vec(&line).expect("an exchange is plain data");
        json.push(b'\n');
        (&self.file).write_all(&json)
    }
}
