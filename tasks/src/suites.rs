//! The suites: one file per task. To add a task, copy a file, and add one line here.

use crate::Task;

macro_rules! suites {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// Every task of the arena, in the order in which rounds run them.
        pub fn all() -> Vec<Task> {
            vec![$($name::task()),*]
        }
    };
}

suites! {
    reverse_string,
    fizz_buzz,
    word_count,
    balanced_brackets,
    merge_intervals,
    roman_to_int,
    two_sum,
    standard_deviation,
    factorial,
    common_elements,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Seed;

    #[test]
    fn tasks_differ_in_id_and_prompt_because_agents_know_them_by_those() {
        let tasks = all();
        let ids: HashSet<_> = tasks.iter().map(|task| &task.id).collect();
        let prompts: HashSet<_> = tasks.iter().map(|task| &task.prompt).collect();
        assert_eq!((ids.len(), prompts.len()), (tasks.len(), tasks.len()));
    }

    #[test]
    fn every_suite_is_whole() {
        for task in all() {
            let id = &task.id;
            let cases = task.cases(Seed(7));
            let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
            assert_eq!(names.len(), cases.len(), "{id}: two cases share a name");
            assert_eq!(cases.len(), task.case_count(), "{id}");
            assert!(
                task.prompt.contains(task.entry_point()),
                "{id}: the prompt names no entry point"
            );
            // The prompt is an argument on a command line; Linux takes 128 KiB in one.
            assert!(task.prompt.len() < 64 << 10, "{id}: the prompt is too long");
            assert!(task.reference.contains(&format!("def {}(", task.entry_point())), "{id}");
            assert!(cases.iter().any(|case| case.public), "{id}: no example");
            assert!(
                cases.iter().filter(|case| !case.public).count() >= 10,
                "{id}: little is hidden"
            );
        }
    }

    #[test]
    fn two_rounds_ask_different_things() {
        for task in all() {
            let args = |seed| format!("{:?}", task.cases(Seed(seed)));
            assert_ne!(args(1), args(2), "{}: nothing is generated", task.id);
        }
    }

    /// If this fails, every stored result is void and every published seed means other cases: change it
    /// knowingly, with the version of the protocol.
    #[test]
    fn the_first_task_has_the_same_cases_everywhere() {
        let inputs = all()[0].cases(Seed(1)).iter().map(|case| case.call("f")).collect::<Vec<_>>();
        let digest = crate::Sha256::of(inputs.join("\n").as_bytes());
        assert_eq!(digest.short(), "7075cbead3fb");
    }
}
