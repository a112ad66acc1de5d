//! The catalogue of built-in tasks: one file per task, one directory per family. To add a task, add its file
//! and one line to the family's list.

use std::sync::LazyLock;

use crate::family::Family;
use crate::task::Task;

/// Declares the modules of a family's tasks and `all()`, which returns the tasks.
macro_rules! tasks {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// Returns the family's tasks.
        pub fn all() -> Vec<crate::task::Task> {
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

/// Returns all built-in tasks, in the order in which rounds run them.
pub fn all() -> Vec<Task> {
    ALL.clone()
}

/// Returns the built-in task with this id.
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
    use crate::id::Seed;
    use crate::tally::Tally;
    use crate::task::Kind;
    use crate::verdict::Verdict;

    #[test]
    fn ids_and_prompts_are_unique() {
        let tasks = all();
        let ids: HashSet<_> = tasks.iter().map(|task| &task.id).collect();
        let prompts: HashSet<_> = tasks.iter().map(|task| task.prompt(Seed(1))).collect();
        assert_eq!((ids.len(), prompts.len()), (tasks.len(), tasks.len()));
    }

    #[test]
    fn tasks_are_listed_under_their_family() {
        for family in Family::ALL.iter().filter(|family| **family != Family::Benchmarks) {
            let tasks = of(*family);
            assert!(!tasks.is_empty(), "{family} has no task");
            for task in tasks {
                assert_eq!(task.family, *family, "{}", task.id);
            }
        }
    }

    #[test]
    fn tasks_are_complete() {
        for task in all() {
            let id = &task.id;
            let prompt = task.prompt(Seed(7));
            let cases = task.cases(Seed(7));
            let unfinished = prompt.contains("TODO") || task.title.contains("TODO");
            assert!(!unfinished, "{id}: the title or the prompt contains TODO");
            let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
            assert_eq!(names.len(), cases.len(), "{id}: two cases share a name");
            let counted = Tally::of_cases(&cases, &[]).total;
            assert_eq!(usize::try_from(counted).unwrap(), task.case_count(), "{id}");
            // The prompt is a command-line argument, which Linux limits to 128 KiB.
            assert!(prompt.len() < 64 << 10, "{id}: the prompt is too long");
            assert!(!task.reference(Seed(7)).is_empty(), "{id}: no reference");
            assert!(task.mutants(Seed(7)).len() >= 3, "{id}: fewer than three mutants");
            let Kind::Code { entry_point } = &task.kind else { continue };
            assert!(prompt.contains(entry_point), "{id}: the prompt names no entry point");
            assert!(cases.iter().any(|case| case.public), "{id}: no example");
        }
    }

    #[test]
    fn rounds_differ() {
        for task in all() {
            let asked = |seed| {
                let inputs: Vec<_> = task.cases(seed).iter().map(|case| case.call("f")).collect();
                (task.prompt(seed), inputs)
            };
            assert_ne!(
                asked(Seed(1)),
                asked(Seed(2)),
                "{}: two seeds give the same round",
                task.id
            );
        }
    }

    #[test]
    fn findings_are_judged_and_explained_case_by_case() {
        let task = find("review_web_app").unwrap();
        let seed = Seed(3);
        let cases = task.cases(seed);
        let judged = |answer: &str| task.judge_findings(&cases, answer);
        let right = |answer: &str| judged(answer).iter().filter(|(v, _)| !v.is_wrong()).count();
        assert_eq!(right(&task.reference(seed)), cases.len());
        assert_eq!(right("[]"), 0);
        let [(verdict, why), ..] = &judged("[]")[..] else { panic!("no cases") };
        assert_eq!(*verdict, Verdict::WrongAnswer);
        assert!(why.starts_with("the answer reported nothing, expected at least 1 "), "{why}");
        let [(_, why), ..] = &judged(&format!("[\"{}\"]", "x".repeat(9_999)))[..] else { panic!() };
        assert!(why.len() < 200, "{why}");
        assert!(judged("I found nothing.").iter().all(|(v, _)| *v == Verdict::NoSolution));
        assert!(task.reference(Seed(4)) != task.reference(seed));
        assert_eq!(task.view(), task.view());
    }

    #[test]
    fn listings_mark_weak_lines_and_define_every_cwe() {
        for task in all() {
            let Some(listing) = &task.listing else { continue };
            let marked = |form: &str| -> Vec<usize> {
                let lines = form.lines().enumerate().filter(|(_, line)| line.starts_with('!'));
                lines.map(|(at, _)| at).collect()
            };
            assert!(listing.planted < listing.parts.len(), "{}", task.id);
            for part in listing.parts {
                assert!(listing.kinds.iter().any(|(cwe, _)| *cwe == part.cwe), "{}", task.id);
                assert!(part.weak.len() >= 2 && !part.sound.is_empty(), "{}", task.id);
                for form in part.weak {
                    let at = marked(form);
                    let together = at.windows(2).all(|pair| pair[0] + 1 == pair[1]);
                    assert!(!at.is_empty() && together, "{}: {form}", task.id);
                }
                assert!(part.sound.iter().all(|form| marked(form).is_empty()), "{}", task.id);
            }
        }
    }
}
