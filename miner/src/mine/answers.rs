//! The best answer to each task so far, in memory and on disk. A later run continues from it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::api::TaskScore;
use platform::store::{StoreError, write_atomically};
use serde::{Deserialize, Serialize};
use tasks::{Sha256, TaskId, TaskView, Verdict};

use crate::assembly::AgentPart;

/// The best answer to a task so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Python source.
    pub answer: String,
    /// Its score, if it was tried.
    pub score: Option<TaskScore>,
    /// The attempt that gave it, from 1.
    pub attempt: u32,
    /// Digest of the prompt that it answers.
    pub prompt_sha256: Sha256,
}

impl KeptAnswer {
    /// Returns whether it was tried and passed every case.
    pub fn passes(&self) -> bool {
        self.score.as_ref().is_some_and(|score| score.verdict == Verdict::Accepted)
    }

    /// Its entry in the agent's header.
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

/// The best answers, shared between the mining loop and the code that may stop it.
#[derive(Clone, Debug, Default)]
pub struct KeptAnswers(Arc<Mutex<BTreeMap<TaskId, KeptAnswer>>>);

/// Kept answers cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// The file does not exist.
    #[error(
        "nothing to resume: {0} does not exist; omit --resume, or name the right directory with --work"
    )]
    Missing(String),
    /// The file is damaged or cannot be read.
    #[error("cannot resume from {path}: {cause}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl KeptAnswers {
    /// The best answer to a task.
    pub fn get(&self, task: &TaskId) -> Option<KeptAnswer> {
        self.lock().get(task).cloned()
    }

    /// The tasks that have an answer.
    pub fn tasks(&self) -> Vec<TaskId> {
        self.lock().keys().cloned().collect()
    }

    /// Keeps each of the other answers that is better than the present one.
    pub fn offer_all(&self, other: &Self) {
        let other = other.lock().clone();
        for (task, best) in other {
            self.offer(&task, best);
        }
    }

    /// The number of tasks that have an answer.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The number of tasks that have an answer that passes.
    pub fn passing(&self) -> usize {
        self.lock().values().filter(|best| best.passes()).count()
    }

    /// Keeps an answer if it is better than the present one.
    pub fn offer(&self, task: &TaskId, best: KeptAnswer) {
        let mut answers = self.lock();
        if best.is_better_than(answers.get(task)) {
            answers.insert(task.clone(), best);
        }
    }

    /// The parts of an agent, in the order of the tasks.
    pub fn parts(&self, tasks: &[TaskView]) -> Vec<AgentPart> {
        let answers = self.lock();
        let part = |task: &TaskView| {
            let best = answers.get(&task.id)?;
            Some(AgentPart { task: task.clone(), answer: best.answer.clone(), note: best.note() })
        };
        tasks.iter().filter_map(part).collect()
    }

    /// Writes all answers to a file, which is replaced atomically.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let json = serde_json::to_vec_pretty(&*self.lock()).expect("answers are plain data");
        write_atomically(path, &json)
    }

    /// Reads answers, without those to tasks whose prompt has changed.
    pub fn load(path: &Path, tasks: &[TaskView]) -> Result<Self, AnswersError> {
        let shown = || path.display().to_string();
        let damaged = |cause: String| AnswersError::Damaged { path: shown(), cause };
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => AnswersError::Missing(shown()),
            _ => damaged(error.to_string()),
        })?;
        let mut answers: BTreeMap<TaskId, KeptAnswer> =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        answers.retain(|id, best| {
            let task = tasks.iter().find(|task| task.id == *id);
            task.is_some_and(|task| prompt_sha256(task) == best.prompt_sha256)
        });
        Ok(Self(Arc::new(Mutex::new(answers))))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, KeptAnswer>> {
        // A panic cannot leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Digest of a task's prompt, by which a change of the task is detected.
pub fn prompt_sha256(task: &TaskView) -> Sha256 {
    Sha256::of(task.prompt.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(task: &TaskView, passed: u32, answer: &str) -> KeptAnswer {
        let verdict = if passed == 4 { Verdict::Accepted } else { Verdict::WrongAnswer };
        let score = TaskScore {
            verdict,
            score: f64::from(passed) * 25.0,
            passed,
            total: 4,
            cost_micro_usd: None,
            repetitions: Vec::new(),
        };
        let prompt_sha256 = prompt_sha256(task);
        KeptAnswer { answer: answer.into(), score: Some(score), attempt: 1, prompt_sha256 }
    }

    fn view(id: &str) -> TaskView {
        tasks::find(id).unwrap().view()
    }

    #[test]
    fn keeps_the_best_answer_and_the_first_of_equals() {
        let task = view("fizz_buzz");
        let answers = KeptAnswers::default();
        let untried = KeptAnswer { score: None, ..best(&task, 0, "untried") };
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
    fn loads_saved_answers_to_unchanged_tasks() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("answers.json");
        let (one, mut two) = (view("fizz_buzz"), view("two_sum"));
        let answers = KeptAnswers::default();
        answers.offer(&one.id, best(&one, 4, "one"));
        answers.offer(&two.id, best(&two, 4, "two"));
        answers.save(&path).unwrap();
        two.prompt.push_str(" And sort it.");
        let loaded = KeptAnswers::load(&path, &[one.clone(), two.clone()]).unwrap();
        assert_eq!(loaded.get(&one.id), answers.get(&one.id));
        assert_eq!(loaded.get(&two.id), None);
    }

    #[test]
    fn names_the_file_that_cannot_be_resumed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("answers.json");
        let error = || KeptAnswers::load(&path, &[]).unwrap_err().to_string();
        assert!(error().contains("omit --resume"), "{}", error());
        std::fs::write(&path, "{").unwrap();
        assert!(error().contains("answers.json"), "{}", error());
    }
}
