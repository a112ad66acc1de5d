//! The record of what was asked and answered, so that a second attempt at a trial continues the first one: it gets the
//! same answers, and the model is not asked again.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use platform::api::ModelUsage;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tasks::Sha256;

use crate::Fault;

/// One request and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The digest of the request
    pub digest: Sha256,
    /// The number of requests with this digest before it in its trial
    pub ordinal: u64,
    /// The request as the model got it
    pub request: Value,
    /// How it ended
    pub outcome: ExchangeOutcome,
    /// What it used
    pub usage: ModelUsage,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeOutcome {
    /// The agent got this response, or can get it.
    Answered(RecordedResponse),
    /// The provider failed on it although it was well before and after.
    Failed(String),
    /// The agent hung up before the response was whole.
    HungUp,
}

/// A response as an agent gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResponse {
    /// The HTTP status
    pub status: u16,
    /// The media type
    pub content_type: String,
    /// The body; that of a stream has all its events
    pub body: String,
}

/// The exchanges of a trial, or in a recording those of one request. A line of JSON each.
#[derive(Debug)]
pub struct Journal {
    exchanges: Vec<Exchange>,
    path: Option<PathBuf>,
}

impl Journal {
    /// A journal that is kept nowhere.
    pub const fn in_memory() -> Self {
        Self { exchanges: Vec::new(), path: None }
    }

    /// Reads a journal to go on with it. The last line may be incomplete, if its writer was killed; it is removed. A file
    /// exists only once there is an exchange.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let text = read(path)?;
        let (exchanges, whole) = whole_lines(&text);
        if whole < text.len() {
            let file = OpenOptions::new().write(true).open(path);
            let shortened = file.and_then(|file| file.set_len(whole as u64));
            shortened.map_err(|cause| fault("shorten", path, cause))?;
        }
        Ok(Self { exchanges, path: Some(path.to_owned()) })
    }

    /// Reads a journal and changes nothing. One that does not exist is empty.
    pub fn read(path: &Path) -> Result<Vec<Exchange>, Fault> {
        Ok(whole_lines(&read(path)?).0)
    }

    /// All exchanges, in the order in which they ended.
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// The exchange that answered a request, if one did.
    pub fn answered<'a>(
        &'a self,
        digest: &'a Sha256,
        ordinal: u64,
    ) -> Option<(&'a RecordedResponse, ModelUsage)> {
        self.of(digest, ordinal).find_map(|exchange| match &exchange.outcome {
            ExchangeOutcome::Answered(response) => Some((response, exchange.usage)),
            _ => None,
        })
    }

    /// How often the provider has failed on a request.
    pub fn failures(&self, digest: &Sha256, ordinal: u64) -> usize {
        let failed = |exchange: &&Exchange| matches!(exchange.outcome, ExchangeOutcome::Failed(_));
        self.of(digest, ordinal).filter(failed).count()
    }

    fn of<'a>(&'a self, digest: &'a Sha256, ordinal: u64) -> impl Iterator<Item = &'a Exchange> {
        let is_it =
            move |exchange: &&Exchange| exchange.ordinal == ordinal && exchange.digest == *digest;
        self.exchanges.iter().filter(is_it)
    }

    /// Adds an exchange. When this returns, it is on the disk.
    pub fn append(&mut self, exchange: Exchange) -> Result<(), Fault> {
        if let Some(path) = &self.path {
            let mut line = serde_json::to_vec(&exchange).expect("an exchange is plain data");
            line.push(b'\n');
            add(path, &line).map_err(|cause| fault("write", path, cause))?;
        }
        self.exchanges.push(exchange);
        Ok(())
    }
}

/// Appends to a file, and syncs it. A new one is synced with the directories that it is in.
fn add(path: &Path, line: &[u8]) -> std::io::Result<()> {
    let is_new = !path.exists();
    if let (true, Some(directory)) = (is_new, path.parent()) {
        // The names of the files are keys of trials, and a guess of a secret seed could be tested against one.
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(line)?;
    file.sync_data()?;
    if is_new {
        for directory in path.ancestors().skip(1).take(3).filter(|path| path.is_dir()) {
            File::open(directory)?.sync_all()?;
        }
    }
    Ok(())
}

/// The text of a file; empty if there is none.
fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    match std::fs::read(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|cause| fault("read", path, cause)),
    }
}

fn fault(action: &'static str, path: &Path, cause: std::io::Error) -> Fault {
    Fault::File { action, path: path.to_owned(), cause }
}

/// The exchanges in the whole lines of a text, and the length of those lines.
fn whole_lines(text: &[u8]) -> (Vec<Exchange>, usize) {
    let (mut exchanges, mut whole) = (Vec::new(), 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(exchange) if line.ends_with(b"\n") => exchanges.push(exchange),
            _ => break,
        }
        whole += line.len();
    }
    (exchanges, whole)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use serde_json::json;

    fn exchange(ordinal: u64, outcome: ExchangeOutcome) -> Exchange {
        let digest = Sha256::of(b"request");
        let usage = ModelUsage { calls: 1, ..ModelUsage::default() };
        Exchange { digest, ordinal, request: json!({"messages": []}), outcome, usage }
    }

    fn answered(body: &str) -> ExchangeOutcome {
        let content_type = "application/json".to_owned();
        ExchangeOutcome::Answered(RecordedResponse {
            status: 200,
            content_type,
            body: body.to_owned(),
        })
    }

    #[test]
    fn keeps_exchanges_and_drops_an_incomplete_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model").join("trial.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        assert!(!path.exists(), "a trial that asks nothing leaves no file");
        journal.append(exchange(0, ExchangeOutcome::Failed("reset".to_owned()))).unwrap();
        journal.append(exchange(0, answered("one"))).unwrap();
        for (path, mode) in [(path.as_path(), 0o600), (path.parent().unwrap(), 0o700)] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
        }
        let whole = std::fs::read(&path).unwrap();
        journal.append(exchange(1, answered("two"))).unwrap();
        drop(journal);
        let text = std::fs::read(&path).unwrap();
        for length in [text.len() - 1, whole.len() + 1] {
            std::fs::write(&path, &text[..length]).unwrap();
            let mut journal = Journal::open(&path).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole);
            let digest = Sha256::of(b"request");
            assert_eq!(journal.answered(&digest, 0).unwrap().0.body, "one");
            assert_eq!((journal.failures(&digest, 0), journal.failures(&digest, 1)), (1, 0));
            assert!(journal.answered(&digest, 1).is_none());
            assert!(journal.answered(&Sha256::of(b"other"), 0).is_none());
            journal.append(exchange(1, ExchangeOutcome::HungUp)).unwrap();
            assert_eq!(Journal::read(&path).unwrap(), journal.exchanges());
        }
    }
}
