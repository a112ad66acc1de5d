//! The public side of a task: what miners and their language models may know of it.

use serde::{Deserialize, Serialize};

use crate::{Case, Family, Kind, Limits, Task, TaskId};

/// The public side of a task: what `GET /tasks` serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Unique among the tasks.
    pub id: TaskId,
    /// A few words for people.
    pub title: String,
    /// What kind of skill it asks for.
    pub family: Family,
    /// How much it counts beside the others.
    pub weight: u32,
    /// What the agent is told, word for word; of a findings task an example of it.
    pub prompt: String,
    /// The form of the answer.
    #[serde(flatten)]
    pub kind: Kind,
    /// The public cases.
    pub examples: Vec<Example>,
    /// How many cases every round has, hidden ones included.
    pub cases: usize,
    /// What a trial may use.
    pub limits: Limits,
}

/// A public case, in words for people and language models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The call as Python would write it; of a findings task the words "an answer".
    pub call: String,
    /// What is expected of it.
    pub expected: String,
}

impl Task {
    /// The side of the task that anybody may see. Of a listing it shows a rendering that no round
    /// uses.
    pub fn view(&self) -> TaskView {
        let paper = self.paper(&format!("example/{}", self.id));
        let example = |case: &Case| Example {
            call: case.call(self.entry_point()),
            expected: case.check.to_string(),
        };
        let examples = match self.kind {
            Kind::Code { .. } => {
                paper.cases.iter().filter(|case| case.public).map(example).collect()
            }
            Kind::Findings => {
                vec![Example { call: "an answer".to_owned(), expected: paper.reference }]
            }
        };
        TaskView {
            id: self.id.clone(),
            title: self.title.clone(),
            family: self.family,
            weight: self.weight,
            prompt: paper.prompt,
            kind: self.kind.clone(),
            examples,
            cases: self.case_count(),
            limits: self.limits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_side_shows_the_examples_and_no_other_case() {
        let task = Task::code(Family::Numbers, "twice", "Twice")
            .example((2,), 4)
            .case("hidden", (77,), 154)
            .generated(1, || (4321_i64..4322,), |(n,)| n * 2);
        let view = serde_json::to_string(&task.view()).unwrap();
        assert!(view.contains("twice(2)"), "{view}");
        for hidden in ["77", "154", "4321", "8642"] {
            assert!(!view.contains(hidden), "{hidden} is in {view}");
        }
        assert_eq!(serde_json::from_str::<TaskView>(&view).unwrap(), task.view());
    }
}
