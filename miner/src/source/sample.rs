//! Samples: answers that need no model and no network, to see the arena at work and to test it.
//!
//! `good` is the arena's own reference solutions, `bad` is what nobody should submit, and `partial` is a
//! fixed mix. They show what the arena does with agents; they show nothing of what a model can do.

use std::fmt;
use std::str::FromStr;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tasks::{Kind, Seed, Sha256, Task, TaskId, TaskView};

use super::{Ask, Reply, Source, SourceError};

/// Reviewers that analyse the file, each for the task of that name.
const CAREFUL_REVIEWERS: [(&str, &str); 3] = [
    ("review_web_app", include_str!("sample/careful/web_app.py")),
    ("review_credentials", include_str!("sample/careful/credentials.py")),
    ("review_token_contract", include_str!("sample/careful/token_contract.py")),
];
/// A reviewer that looks for words.
const HASTY_REVIEWER: &str = include_str!("sample/hasty_reviewer.py");
/// A reviewer that always suspects the same.
const LAZY_REVIEWER: &str = include_str!("sample/lazy_reviewer.py");

/// The samples are taken from the round with this seed. Only wrong variants could differ between rounds.
const SEED: Seed = Seed(0);

/// How good a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// Right on every task that the arena comes with.
    Good,
    /// Right, nearly right and wrong by turns.
    Partial,
    /// Of the right form, and wrong.
    Bad,
}

impl Sample {
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

    /// The sample's answer to a task, if it is one of the arena's own.
    pub fn answer_to(self, view: &TaskView) -> Option<String> {
        let task = tasks::find(view.id.as_str())?;
        Some(match (self.skill(&task.id), &task.kind) {
            (Skill::Right, Kind::Code { .. }) => task.reference(SEED),
            (Skill::NearlyRight, Kind::Code { .. }) => nearly_right(&task),
            (Skill::Wrong, Kind::Code { entry_point }) => wrong(entry_point, &view.prompt),
            (Skill::Right, Kind::Findings) => {
                let known = CAREFUL_REVIEWERS.iter().find(|(id, _)| *id == view.id.as_str());
                known.map_or(HASTY_REVIEWER, |(_, reviewer)| reviewer).to_owned()
            }
            (Skill::NearlyRight, Kind::Findings) => HASTY_REVIEWER.to_owned(),
            (Skill::Wrong, Kind::Findings) => LAZY_REVIEWER.to_owned(),
        })
    }

    /// The skill that the sample shows on a task. It depends on the task alone, so that a new task changes
    /// nothing for the others.
    fn skill(self, task: &TaskId) -> Skill {
        match self {
            Self::Good => Skill::Right,
            Self::Bad => Skill::Wrong,
            Self::Partial => {
                let digest = Sha256::of(task.as_str().as_bytes());
                match digest.as_str().bytes().map(usize::from).sum::<usize>() % 3 {
                    0 => Skill::Right,
                    1 => Skill::NearlyRight,
                    _ => Skill::Wrong,
                }
            }
        }
    }
}

enum Skill {
    Right,
    NearlyRight,
    Wrong,
}

fn nearly_right(task: &Task) -> String {
    let first = task.mutants(SEED).into_iter().next();
    first.map_or_else(|| task.reference(SEED), |mutant| mutant.answer)
}

/// Of the right name and form, and without a thought: a function that gives its first argument back, or a
/// class whose every method does.
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

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no such sample.
#[derive(Debug, thiserror::Error)]
#[error("there is no sample '{0}': sample:good, sample:partial and sample:bad are there")]
pub struct NoSuchSample(String);

impl FromStr for Sample {
    type Err = NoSuchSample;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|sample| sample.as_str() == text);
        found.ok_or_else(|| NoSuchSample(text.to_owned()))
    }
}

impl Source for Sample {
    fn name(&self) -> String {
        format!("sample:{self}")
    }

    fn learns(&self) -> bool {
        false
    }

    fn answer<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Result<Reply, SourceError>> {
        let text = self.answer_to(ask.task).ok_or_else(|| {
            let id = &ask.task.id;
            SourceError::NothingToSay(format!("there is no sample answer for {id}"))
        });
        async { Ok(Reply { text: text?, ..Reply::default() }) }.boxed()
    }
}

#[cfg(test)]
mod tests;
