//! Follows docs/task-authors.md: its finished task and the template's skeleton compile and pass what every task must
//! pass.

mod skeleton;
mod vowel_count;

use crate::runner;

const TUTORIAL: &str = include_str!("../../../docs/task-authors.md");

#[test]
fn tutorial_task_is_fair_and_hard_to_fool() {
    runner::require_python();
    assert_eq!(runner::complaints(&vowel_count::task()), [""; 0]);
}

#[test]
fn tutorial_shows_the_task_verbatim() {
    let block = format!("```rust\n{}```\n", include_str!("tutorial/vowel_count.rs"));
    assert!(
        TUTORIAL.contains(&block),
        "docs/task-authors.md and tests/tutorial/vowel_count.rs differ"
    );
}

#[test]
fn template_makes_a_task_that_passes() {
    let template = include_str!("../../template.rs.txt");
    let filled = template.replace("NAME", "skeleton").replace("FAMILY", "Strings");
    runner::require_python();
    assert_eq!(filled, include_str!("tutorial/skeleton.rs"));
    assert_eq!(runner::complaints(&skeleton::task()), [""; 0]);
}

#[test]
fn surviving_mutant_is_named_as_in_the_tutorial() {
    runner::require_python();
    let task = vowel_count::task().mutant("adds_nothing", "return sum", "return 0 + sum");
    let complaints = runner::complaints(&task);
    assert_eq!(complaints.len(), runner::SEEDS.len());
    assert_eq!(complaints[0], "vowel_count: adds_nothing survives seed 0");
    assert!(TUTORIAL.contains(&complaints[0]));
}
