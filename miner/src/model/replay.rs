//! Recorded exchanges: repeats a recorded run without a network, a key or a model.
//!
//! One file per reply, `TASK.ATTEMPT.json`, which people can read and edit. The reply depends on task and attempt
//! alone and not on the wording of the question, so a recording survives a change of the prompts.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tasks::TaskId;

use super::source::{AnswerSource, AnswerSourceError, ChatMessage, ModelReply, ModelRequest};

/// One recorded exchange.
#[derive(Debug, Serialize, Deserialize)]
struct RecordedExchange {
    /// The model that replied.
    model: String,
    /// The question, for readers of the file.
    #[serde(default)]
    messages: Vec<ChatMessage>,
    /// The reply.
    reply: ModelReply,
}

/// A source that plays a recording.
#[derive(Debug)]
pub struct ReplaySource {
    directory: PathBuf,
}

impl ReplaySource {
    /// Opens the recording in a directory.
    pub fn open(directory: &Path) -> Result<Self, AnswerSourceError> {
        let is_json = |path: &Path| path.extension().is_some_and(|name| name == "json");
        let holds_json =
            |entries: std::fs::ReadDir| entries.flatten().any(|entry| is_json(&entry.path()));
        let reason = match std::fs::read_dir(directory).map(holds_json) {
            Ok(true) => return Ok(Self { directory: directory.to_owned() }),
            Ok(false) => "it holds no recorded exchange".to_owned(),
            Err(cause) => cause.to_string(),
        };
        let shown = directory.display();
        Err(AnswerSourceError::Unusable(format!(
            "cannot replay {shown}: {reason}; record a run with --record {shown}"
        )))
    }

    fn read(&self, task: &TaskId, attempt: u32) -> Result<ModelReply, AnswerSourceError> {
        let path = recording_path(&self.directory, task, attempt);
        let shown = path.display();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let reason = format!("the recording has no answer {attempt} to {task}");
                return Err(AnswerSourceError::NoAnswer(reason));
            }
            Err(cause) => {
                return Err(AnswerSourceError::Failed(format!("cannot read {shown}: {cause}")));
            }
        };
        let exchange = serde_json::from_str::<RecordedExchange>(&text).map_err(|error| {
            AnswerSourceError::Unusable(format!("{shown} is not a recorded exchange: {error}"))
        })?;
        Ok(exchange.reply)
    }
}

impl AnswerSource for ReplaySource {
    fn name(&self) -> String {
        // The name becomes part of the agent, which must not contain a path of the miner's machine.
        let name = self.directory.file_name().unwrap_or(self.directory.as_os_str());
        format!("replay:{}", name.display())
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>> {
        async { self.read(&request.task.id, request.attempt) }.boxed()
    }
}

/// A source that asks another one and records its replies.
pub struct RecordingSource {
    source: Box<dyn AnswerSource>,
    directory: PathBuf,
}

impl RecordingSource {
    /// Records `source` into a directory, which is created if it does not exist.
    pub fn new(source: Box<dyn AnswerSource>, directory: &Path) -> Result<Self, AnswerSourceError> {
        std::fs::create_dir_all(directory).map_err(|cause| {
            let shown = directory.display();
            AnswerSourceError::Unusable(format!("cannot create {shown} to record into: {cause}"))
        })?;
        Ok(Self { source, directory: directory.to_owned() })
    }

    async fn record(&self, request: &ModelRequest<'_>) -> Result<ModelReply, AnswerSourceError> {
        let reply = self.source.answer(request).await?;
        let exchange = RecordedExchange {
            model: self.source.name(),
            messages: request.messages.to_vec(),
            reply: reply.clone(),
        };
        let json = serde_json::to_string_pretty(&exchange).expect("an exchange is plain data");
        let path = recording_path(&self.directory, &request.task.id, request.attempt);
        std::fs::write(&path, json + "\n").map_err(|cause| {
            AnswerSourceError::Unusable(format!("cannot record into {}: {cause}", path.display()))
        })?;
        Ok(reply)
    }
}

impl AnswerSource for RecordingSource {
    fn name(&self) -> String {
        self.source.name()
    }

    fn learns(&self) -> bool {
        self.source.learns()
    }

    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>> {
        self.record(request).boxed()
    }
}

fn recording_path(directory: &Path, task: &TaskId, attempt: u32) -> PathBuf {
    directory.join(format!("{task}.{attempt}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::SampleModel;

    async fn ask(
        source: &dyn AnswerSource,
        task: &str,
        attempt: u32,
    ) -> Result<ModelReply, AnswerSourceError> {
        let task = tasks::find(task).unwrap().view();
        let on_progress = &|_| ();
        let request = ModelRequest {
            task: &task,
            attempt,
            messages: &[],
            max_output_tokens: 1000,
            on_progress,
        };
        source.answer(&request).await
    }

    #[tokio::test]
    async fn replays_what_was_recorded() {
        let directory = tempfile::tempdir().unwrap();
        let directory = &directory.path().join("new");
        let recording = RecordingSource::new(Box::new(SampleModel::Good), directory).unwrap();
        let recorded = ask(&recording, "fizz_buzz", 2).await.unwrap();
        let replay = ReplaySource::open(directory).unwrap();
        assert_eq!(replay.name(), "replay:new");
        assert_eq!(ask(&replay, "fizz_buzz", 2).await.unwrap(), recorded);
        for (task, attempt) in [("fizz_buzz", 1), ("two_sum", 2)] {
            let error = ask(&replay, task, attempt).await.unwrap_err();
            assert!(matches!(error, AnswerSourceError::NoAnswer(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn names_a_recording_that_is_missing_or_damaged() {
        let directory = tempfile::tempdir().unwrap();
        for missing in [&directory.path().join("no"), directory.path()] {
            let error = ReplaySource::open(missing).unwrap_err().to_string();
            assert!(error.contains("--record"), "{error}");
        }
        std::fs::write(directory.path().join("fizz_buzz.1.json"), "{}").unwrap();
        let replay = ReplaySource::open(directory.path()).unwrap();
        let error = ask(&replay, "fizz_buzz", 1).await.unwrap_err();
        assert!(matches!(error, AnswerSourceError::Unusable(_)), "{error}");
        assert!(error.to_string().contains("fizz_buzz.1.json"), "{error}");
    }
}
