//! The best answer to each task so far, in memory and on the disk: what a run that was stopped goes on from.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::api::TaskScore;
use platform::store::{StoreError, write_atomically};
use serde::{Deserialize, Serialize};
use tasks::{Sha256, TaskId, TaskView, Verdict};

use crate::assembly::Part;

/// The best answer to a task so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Python source.
    pub answer: String,
    /// What it got when it was tried; none if it was not.
    pub score: Option<TaskScore>,
    /// At which attempt it came.
    pub attempt: u32,
    /// The digest of the prompt that it answers.
    pub prompt_sha256: Sha256,
}

impl Best {
    /// Whether it was tried and passed every case.
    pub fn passes(&self) -> bool {
        self.score.as_ref().is_some_and(|score| score.verdict == Verdict::Accepted)
    }

    /// What the agent's header says of it.
    fn note(&self) -> String {
        match &self.score {
            Some(score) => format!("{} of {} cases", score.passed, score.total),
            None => "not tried".to_owned(),
        }
    }

    fn is_better_than(&self, other: Option<&Self>) -> bool {
        let worth = |best: &Self| best.score.as_ref().map_or(-1.0, |score| score.score);
        other.is_none_or(|other| worth(self) > worth(other))
    }
}

/// The best answers, shared between the loop and whoever may have to stop it.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<BTreeMap<TaskId, Best>>>);

/// Kept answers could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// There are none.
    #[error(
        "there is nothing to resume in {0}; leave --resume out, or name the right folder with --work"
    )]
    Nothing(String),
    /// They are damaged, or cannot be read.
    #[error("cannot resume from {path}: {cause}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Answers {
    /// The best answer to a task.
    pub fn get(&self, task: &TaskId) -> Option<Best> {
        self.lock().get(task).cloned()
    }

    /// How many tasks have an answer.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// How many tasks have an answer that passes.
    pub fn passing(&self) -> usize {
        self.lock().values().filter(|best| best.passes()).count()
    }

    /// Keeps an answer if it is better than the one that is there.
    pub fn offer(&self, task: &TaskId, best: Best) {
        let mut answers = self.lock();
        if best.is_better_than(answers.get(task)) {
            answers.insert(task.clone(), best);
        }
    }

    /// The parts of an agent, in the order of the tasks.
    pub fn parts(&self, tasks: &[TaskView]) -> Vec<Part> {
        let answers = self.lock();
        let part = |task: &TaskView| {
            let best = answers.get(&task.id)?;
            Some(Part { task: task.clone(), answer: best.answer.clone(), note: best.note() })
        };
        tasks.iter().filter_map(part).collect()
    }

    /// Writes all answers to a file, in one step.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let json = serde_json::to_vec_pretty(&*self.lock()).expect("answers are plain data");
        write_atomically(path, &json)
    }

    /// Reads the answers that still answer these tasks as they are now.
    pub fn load(path: &Path, tasks: &[TaskView]) -> Result<Self, AnswersError> {
        let shown = || path.display().to_string();
        let damaged = |cause: String| AnswersError::Damaged { path: shown(), cause };
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => AnswersError::Nothing(shown()),
            _ => damaged(error.to_string()),
        })?;
        let mut answers: BTreeMap<TaskId, Best> =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        answers.retain(|id, best| {
            let task = tasks.iter().find(|task| task.id == *id);
            task.is_some_and(|task| prompt_sha256(task) == best.prompt_sha256)
        });
        Ok(Self(Arc::new(Mutex::new(answers))))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, Best>> {
        // Nobody leaves the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest of a task's prompt, which says whether an answer still answers it.
pub fn prompt_sha256(task: &TaskView) -> Sha256 {
    Sha256::of(task.prompt.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(task: &TaskView, passed: u32, answer: &str) -> Best {
        let verdict = if passed == 4 { Verdict::Accepted } else { Verdict::WrongAnswer };
        let score = TaskScore { verdict, score: f64::from(passed) * 25.0, passed, total: 4 };
        let prompt_sha256 = prompt_sha256(task);
        Best { answer: answer.into(), score: Some(score), attempt: 1, prompt_sha256 }
    }

    fn view(id: &str) -> TaskView {
        tasks::find(id).unwrap().view()
    }

    #[test]
    fn the_best_answer_is_kept_and_of_equals_the_first() {
        let task = view("fizz_buzz");
        let answers = Answers::default();
        let untried = Best { score: None, ..best(&task, 0, "untried") };
        for (offered, kept) in [
            (untried.clone(), "untried"),
            (best(&task, 1, "one"), "one"),
            (best(&task, 1, "another"), "one"),
            (best(&task, 3, "three"), "three"),
            (best(&task, 2, "two"), "three"),
            (untried, "three"),
        ] {
            answers.offer(&task.id, offered);
            assert_eq!(answers.get(&task.id).unwrap().answer, kept);
        }
        assert_eq!((answers.count(), answers.passing()), (1, 0));
    }

    #[test]
    fn saved_answers_come_back_if_they_still_answer_the_tasks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.json");
        let (one, mut two) = (view("fizz_buzz"), view("two_sum"));
        let answers = Answers::default();
        answers.offer(&one.id, best(&one, 4, "one"));
        answers.offer(&two.id, best(&two, 4, "two"));
        answers.save(&path).unwrap();
        two.prompt.push_str(" And sort it.");
        let loaded = Answers::load(&path, &[one.clone(), two.clone()]).unwrap();
        assert_eq!(loaded.get(&one.id), answers.get(&one.id));
        assert_eq!(loaded.get(&two.id), None);
    }

    #[test]
    fn what_cannot_be_resumed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.json");
        let error = || Answers::load(&path, &[]).unwrap_err().to_string();
        assert!(error().contains("leave --resume out"), "{}", error());
        std::fs::write(&path, "{").unwrap();
        assert!(error().contains("answers.json"), "{}", error());
    }
}
