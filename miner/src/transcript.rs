//! Transcripts: every exchange with a model as one line of JSON, for whoever wants to know later what was said.
//!
//! A source gives its answers without its key, so none is in here; the test of the providers holds them to it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use platform::MinerId;
use serde::Serialize;

use crate::mine::Exchange;

/// A transcript that is being written.
#[derive(Debug)]
pub struct Transcript {
    file: File,
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    miner_id: &'a MinerId,
    #[serde(flatten)]
    exchange: &'a Exchange,
}

impl Transcript {
    /// Begins a transcript in a folder, which is made if it is not there. Its name tells miner and time.
    pub fn begin(folder: &Path, miner: &MinerId, at: Timestamp) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{miner}-{}.jsonl", at.strftime("%Y%m%dT%H%M%S%.3fZ")));
        let file = File::options().create(true).append(true).open(&path)?;
        Ok(Self { file, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an exchange. One write per line, so that a program that is killed leaves whole lines.
    pub fn add(&self, miner_id: &MinerId, at: Timestamp, exchange: &Exchange) -> io::Result<()> {
        let line = Line { at, miner_id, exchange };
        let mut json = serde_json::to_vec(&line).expect("an exchange is plain data");
        json.push(b'\n');
        (&self.file).write_all(&json)
    }
}
