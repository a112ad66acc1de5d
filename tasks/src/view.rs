//! The public view of a task.

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::family::Family;
use crate::id::TaskId;
use crate::limits::Limits;
use crate::task::{Kind, Task};

/// The public view of a task, as `GET /tasks` serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Unique among all tasks.
    pub id: TaskId,
    /// Short title.
    pub title: String,
    /// The skill that it exercises.
    pub family: Family,
    /// Weight of the task in an agent's score.
    pub weight: u32,
    /// The prompt; for a findings task an example of it.
    pub prompt: String,
    /// The form of the answer.
    #[serde(flatten)]
    pub kind: Kind,
    /// The public cases.
    pub examples: Vec<Example>,
    /// Number of cases in every round, hidden ones included, where a group of cases counts as one.
    pub cases: usize,
    /// How a trial is scored, as a sentence.
    #[serde(default)]
    pub scoring: String,
    /// Limits of a trial.
    pub limits: Limits,
}

/// A public case, as text for people and language models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The call as Python source; for a findings task the words "an answer".
    pub call: String,
    /// The expected outcome.
    pub expected: String,
}

impl Task {
    /// Returns the public view. For a findings task it shows a rendering that no round uses.
    pub fn view(&self) -> TaskView {
        let instance = self.instance(&format!("example/{}", self.id));
        let example = |case: &Case| Example {
            call: case.call(self.entry_point()),
            expected: case.check.to_string(),
        };
        let examples = match self.kind {
            Kind::Code { .. } => {
                instance.cases.iter().filter(|case| case.public).map(example).collect()
            }
            Kind::Findings => {
                vec![Example { call: "an answer".to_owned(), expected: instance.reference }]
            }
        };
        TaskView {
            id: self.id.clone(),
            title: self.title.clone(),
            family: self.family,
            weight: self.weight,
            prompt: instance.prompt,
            kind: self.kind.clone(),
            examples,
            cases: self.case_count(),
            scoring: self.scoring_rule().to_owned(),
            limits: self.limits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn view_shows_no_hidden_case() {
        let task = Task::code(Family::Numbers, "twice", "Twice")
            .example((2,), 4)
            .case("hidden", (77,), 154)
            .generated(1, || (4321_i64..4322,), |(n,)| n * 2);
        let view = serde_json::to_string(&task.view()).unwrap();
        assert!(view.contains("twice(2)"), "{view}");
        for hidden in ["77", "154", "4321", "8642"] {
            assert!(!view.contains(hidden), "{hidden} occurs in {view}");
        }
        assert_eq!(serde_json::from_str::<TaskView>(&view).unwrap(), task.view());
    }
}
