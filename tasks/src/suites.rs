//! The suites: one file per task, one folder per family. To add a task, add its file, and one line
//! to the family's list.

use std::sync::LazyLock;

use crate::{Family, Task};

/// A family's list of suites: their modules, and `all()`.
macro_rules! suites {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// The family's tasks.
        pub fn all() -> Vec<crate::Task> {
            vec![$($name::task()),*]
        }
    };
}

mod algorithms;
mod collections;
mod dates;
mod errors;
mod numbers;
mod numerics;
mod parsing;
mod performance;
mod security;
mod state;
mod strings;

static ALL: LazyLock<Vec<Task>> =
    LazyLock::new(|| Family::ALL.iter().flat_map(|family| of(*family)).collect());

/// Every task of the arena, in the order in which rounds run them.
pub fn all() -> Vec<Task> {
    ALL.clone()
}

/// Finds one task by its id.
pub fn find(id: &str) -> Option<Task> {
    ALL.iter().find(|task| task.id.as_str() == id).cloned()
}

fn of(family: Family) -> Vec<Task> {
    match family {
        Family::Strings => strings::all(),
        Family::Numbers => numbers::all(),
        Family::Collections => collections::all(),
        Family::Parsing => parsing::all(),
        Family::Algorithms => algorithms::all(),
        Family::State => state::all(),
        Family::Dates => dates::all(),
        Family::Numerics => numerics::all(),
        Family::Errors => errors::all(),
        Family::Performance => performance::all(),
        Family::Security => security::all(),
        Family::Benchmarks => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Kind, Seed};

    #[test]
    fn tasks_differ_in_id_and_prompt_because_agents_know_them_by_those() {
        let tasks = all();
        let ids: HashSet<_> = tasks.iter().map(|task| &task.id).collect();
        let prompts: HashSet<_> = tasks.iter().map(|task| task.prompt(Seed(1))).collect();
        assert_eq!((ids.len(), prompts.len()), (tasks.len(), tasks.len()));
    }

    #[test]
    fn every_task_says_the_family_whose_list_it_is_on() {
        for family in Family::ALL.iter().filter(|family| **family != Family::Benchmarks) {
            let tasks = of(*family);
            assert!(!tasks.is_empty(), "{family} has no task");
            for task in tasks {
                assert_eq!(task.family, *family, "{}", task.id);
            }
        }
    }

    #[test]
    fn every_suite_is_whole() {
        for task in all() {
            let id = &task.id;
            let prompt = task.prompt(Seed(7));
            let cases = task.cases(Seed(7));
            let unfinished = prompt.contains("TODO") || task.title.contains("TODO");
            assert!(!unfinished, "{id}: the title or the prompt still says TODO");
            let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
            assert_eq!(names.len(), cases.len(), "{id}: two cases share a name");
            assert_eq!(cases.len(), task.case_count(), "{id}");
            // The prompt is an argument on a command line; Linux takes 128 KiB in one.
            assert!(prompt.len() < 64 << 10, "{id}: the prompt is too long");
            assert!(!task.reference(Seed(7)).is_empty(), "{id}: no reference");
            assert!(task.mutants(Seed(7)).len() >= 3, "{id}: fewer than three mutants");
            let Kind::Code { entry_point } = &task.kind else { continue };
            assert!(prompt.contains(entry_point), "{id}: the prompt names no entry point");
            assert!(cases.iter().any(|case| case.public), "{id}: no example");
        }
    }

    #[test]
    fn two_rounds_ask_different_things() {
        for task in all() {
            let asked = |seed| {
                let inputs: Vec<_> = task.cases(seed).iter().map(|case| case.call("f")).collect();
                (task.prompt(seed), inputs)
            };
            assert_ne!(asked(Seed(1)), asked(Seed(2)), "{}: nothing is generated", task.id);
        }
    }
}
