//! Built-in sample answers, which need no model and no network. They demonstrate and test the arena.
//!
//! `good` has the reference solutions, `bad` has wrong answers of the right form, and `partial` is a fixed mix.
//! Their scores say nothing about what a model can do.

use std::fmt;
use std::str::FromStr;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tasks::{Kind, Seed, Sha256, Task, TaskId, TaskView};

use super::source::{AnswerSource, AnswerSourceError, ModelReply, ModelRequest};

/// Reviewers that analyse the file, by task.
const CAREFUL_REVIEWERS: [(&str, &str); 3] = [
    ("review_web_app", include_str!("sample/web_app.py")),
    ("review_credentials", include_str!("sample/credentials.py")),
    ("review_token_contract", include_str!("sample/token_contract.py")),
];
/// A reviewer that searches for patterns.
const HASTY_REVIEWER: &str = include_str!("sample/hasty_reviewer.py");
/// A reviewer that always reports the same finding.
const LAZY_REVIEWER: &str = include_str!("sample/lazy_reviewer.py");

/// Seed of the round from which the samples are taken. Only mutants differ between rounds.
const SEED: Seed = Seed(0);

/// The built-in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleModel {
    /// Correct on every built-in task.
    Good,
    /// A mix of correct, nearly correct and wrong answers.
    Partial,
    /// Wrong answers of the right form.
    Bad,
}

impl SampleModel {
    /// Every sample, best first.
    pub const ALL: [Self; 3] = [Self::Good, Self::Partial, Self::Bad];

    /// The word after `sample:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Partial => "partial",
            Self::Bad => "bad",
        }
    }

    /// The sample's answer to a task, or none if the task is not built in.
    pub fn answer_to(self, view: &TaskView) -> Option<String> {
        let task = tasks::find(view.id.as_str())?;
        Some(match (self.skill(&task.id), &task.kind) {
            (SampleSkill::Correct, Kind::Code { .. }) => task.reference(SEED),
            (SampleSkill::NearlyCorrect, Kind::Code { .. }) => nearly_correct(&task),
            (SampleSkill::Wrong, Kind::Code { entry_point }) => wrong(entry_point, &view.prompt),
            (SampleSkill::Correct, Kind::Findings) => {
                let known = CAREFUL_REVIEWERS.iter().find(|(id, _)| *id == view.id.as_str());
                known.map_or(HASTY_REVIEWER, |(_, reviewer)| reviewer).to_owned()
            }
            (SampleSkill::NearlyCorrect, Kind::Findings) => HASTY_REVIEWER.to_owned(),
            (SampleSkill::Wrong, Kind::Findings) => LAZY_REVIEWER.to_owned(),
        })
    }

    /// The skill of the sample on a task. It depends on the task alone, so a new task does not change the others.
    fn skill(self, task: &TaskId) -> SampleSkill {
        match self {
            Self::Good => SampleSkill::Correct,
            Self::Bad => SampleSkill::Wrong,
            Self::Partial => {
                let digest = Sha256::of(task.as_str().as_bytes());
                match digest.as_str().bytes().map(usize::from).sum::<usize>() % 3 {
                    0 => SampleSkill::Correct,
                    1 => SampleSkill::NearlyCorrect,
                    _ => SampleSkill::Wrong,
                }
            }
        }
    }
}

/// How good one answer of a sample is.
enum SampleSkill {
    Correct,
    NearlyCorrect,
    Wrong,
}

fn nearly_correct(task: &Task) -> String {
    let first = task.mutants(SEED).into_iter().next();
    first.map_or_else(|| task.reference(SEED), |mutant| mutant.answer)
}

/// A function that returns its first argument, or a class in which every method does.
fn wrong(entry_point: &str, prompt: &str) -> String {
    if prompt.contains(&format!("class {entry_point}")) {
        format!(
            "class {entry_point}:\n    def __init__(self, *args):\n        pass\n\n    \
             def __getattr__(self, name):\n        return lambda *args: args[0] if args else None\n"
        )
    } else {
        format!("def {entry_point}(*args):\n    return args[0] if args else None\n")
    }
}

impl fmt::Display for SampleModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text does not name a sample.
#[derive(Debug, thiserror::Error)]
#[error("unknown sample '{0}': choose sample:good, sample:partial or sample:bad")]
pub struct ParseSampleError(String);

impl FromStr for SampleModel {
    type Err = ParseSampleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|sample| sample.as_str() == text);
        found.ok_or_else(|| ParseSampleError(text.to_owned()))
    }
}

impl AnswerSource for SampleModel {
    fn name(&self) -> String {
        format!("sample:{self}")
    }

    fn learns(&self) -> bool {
        false
    }

    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>> {
        let text = self.answer_to(request.task).ok_or_else(|| {
            let id = &request.task.id;
            AnswerSourceError::NoAnswer(format!("the samples have no answer to {id}"))
        });
        async { Ok(ModelReply { text: text?, ..ModelReply::default() }) }.boxed()
    }
}

#[cfg(test)]
mod tests;
