//! Recorded exchanges: a run that was recorded can be had again without a network, a key or a model's moods.
//!
//! One file per answer, `TASK.ATTEMPT.json`, made to be read and edited by people. What is replayed depends on
//! task and attempt only, not on the words of the question, so that a recording survives a change of those.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tasks::TaskId;

use super::{Ask, Message, Reply, Source, SourceError};

/// One recorded exchange.
#[derive(Debug, Serialize, Deserialize)]
struct Exchange {
    /// Who answered.
    model: String,
    /// The question, for whoever reads the file.
    #[serde(default)]
    messages: Vec<Message>,
    /// The answer.
    reply: Reply,
}

/// A source that plays a recording.
#[derive(Debug)]
pub struct Replay {
    folder: PathBuf,
}

impl Replay {
    /// The recording in a folder.
    pub fn open(folder: &Path) -> Result<Self, SourceError> {
        if folder.is_dir() {
            Ok(Self { folder: folder.to_owned() })
        } else {
            let shown = folder.display();
            Err(SourceError::Unusable(format!(
                "there is no folder {shown} to replay; 'miner mine --record {shown}' makes one"
            )))
        }
    }

    fn read(&self, task: &TaskId, attempt: u32) -> Result<Reply, SourceError> {
        let path = file(&self.folder, task, attempt);
        let shown = path.display();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = format!("the recording has no answer {attempt} to {task}");
                return Err(SourceError::NothingToSay(why));
            }
            Err(cause) => {
                return Err(SourceError::Failed(format!("cannot read {shown}: {cause}")));
            }
        };
        let exchange = serde_json::from_str::<Exchange>(&text);
        let damaged = |error| SourceError::Unusable(format!("{shown} is no recording: {error}"));
        Ok(exchange.map_err(damaged)?.reply)
    }
}

impl Source for Replay {
    fn name(&self) -> String {
        // The name goes into the agent, and where the recording lies is nobody else's business.
        let name = self.folder.file_name().unwrap_or(self.folder.as_os_str());
        format!("replay:{}", name.display())
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Result<Reply, SourceError>> {
        async { self.read(&ask.task.id, ask.attempt) }.boxed()
    }
}

/// A source that asks another one and records what it says.
pub struct Recorder {
    source: Box<dyn Source>,
    folder: PathBuf,
}

impl Recorder {
    /// Records `source` into a folder, which is made if it is not there.
    pub fn new(source: Box<dyn Source>, folder: &Path) -> Result<Self, SourceError> {
        std::fs::create_dir_all(folder).map_err(|cause| {
            let shown = folder.display();
            SourceError::Unusable(format!("cannot make the folder {shown} to record into: {cause}"))
        })?;
        Ok(Self { source, folder: folder.to_owned() })
    }

    async fn record(&self, ask: &Ask<'_>) -> Result<Reply, SourceError> {
        let reply = self.source.answer(ask).await?;
        let exchange = Exchange {
            model: self.source.name(),
            messages: ask.messages.to_vec(),
            reply: reply.clone(),
        };
        let json = serde_json::to_string_pretty(&exchange).expect("an exchange is plain data");
        let path = file(&self.folder, &ask.task.id, ask.attempt);
        std::fs::write(&path, json + "\n").map_err(|cause| {
            SourceError::Unusable(format!("cannot record into {}: {cause}", path.display()))
        })?;
        Ok(reply)
    }
}

impl Source for Recorder {
    fn name(&self) -> String {
        self.source.name()
    }

    fn learns(&self) -> bool {
        self.source.learns()
    }

    fn answer<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Result<Reply, SourceError>> {
        self.record(ask).boxed()
    }
}

fn file(folder: &Path, task: &TaskId, attempt: u32) -> PathBuf {
    folder.join(format!("{task}.{attempt}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sample::Sample;

    async fn ask(source: &dyn Source, task: &str, attempt: u32) -> Result<Reply, SourceError> {
        let task = tasks::find(task).unwrap().view();
        let messages = crate::prompt::opening(&task);
        let (messages, on_progress) = (&messages[..], &|_| ());
        let ask = Ask { task: &task, attempt, messages, max_output_tokens: 1000, on_progress };
        source.answer(&ask).await
    }

    #[tokio::test]
    async fn what_was_recorded_is_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = &folder.path().join("new");
        let recorder = Recorder::new(Box::new(Sample::Good), folder).unwrap();
        let said = ask(&recorder, "fizz_buzz", 2).await.unwrap();
        let replay = Replay::open(folder).unwrap();
        assert_eq!(replay.name(), "replay:new");
        assert_eq!(ask(&replay, "fizz_buzz", 2).await.unwrap(), said);
        for (task, attempt) in [("fizz_buzz", 1), ("two_sum", 2)] {
            let error = ask(&replay, task, attempt).await.unwrap_err();
            assert!(matches!(error, SourceError::NothingToSay(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn a_recording_that_is_not_there_or_damaged_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Replay::open(&folder.path().join("no")).unwrap_err().to_string();
        assert!(error.contains("--record"), "{error}");
        std::fs::write(folder.path().join("fizz_buzz.1.json"), "{}").unwrap();
        let replay = Replay::open(folder.path()).unwrap();
        let error = ask(&replay, "fizz_buzz", 1).await.unwrap_err();
        assert!(matches!(error, SourceError::Unusable(_)), "{error}");
        assert!(error.to_string().contains("fizz_buzz.1.json"), "{error}");
    }
}
