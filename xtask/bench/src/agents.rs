//! Agents that print the right answers, for the rounds that are measured.

use tasks::{Seed, Task};

/// Tasks of a measured round.
const TASKS: usize = 10;
/// The seed of measured rounds.
pub const SEED: Seed = Seed(1);

/// The tasks of a measured round.
pub fn tasks() -> Vec<Task> {
    tasks::all().into_iter().take(TASKS).collect()
}

/// An agent that prints the reference answer of each of these tasks. `version` makes its source unique.
pub fn agent(tasks: &[Task], version: &str) -> String {
    let answers: serde_json::Map<_, _> =
        tasks.iter().map(|task| (task.prompt(SEED), task.reference(SEED).into())).collect();
    // JSON escapes are also those of a Python literal, apart from characters beyond U+FFFF, which stay as
    // they are in both.
    let answers = serde_json::Value::Object(answers);
    format!(
        "import sys\n\nANSWERS = {answers}\nprint(ANSWERS[sys.argv[sys.argv.index(\"--task\") + 1]], end=\"\")\n# {version}\n"
    )
}
