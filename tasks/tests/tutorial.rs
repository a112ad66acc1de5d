//! TUTORIAL.md, followed: its finished suite compiles as it stands there and passes what every task
//! must pass, and so does what the template makes.

mod runner;

#[path = "tutorial/skeleton.rs"]
mod skeleton;
#[path = "tutorial/vowel_count.rs"]
mod vowel_count;

/// Lets the suites say `use crate::prelude::*;` as they would in their place.
mod prelude {
    pub use tasks::prelude::*;
}

const TUTORIAL: &str = include_str!("../TUTORIAL.md");

#[test]
fn the_suite_that_the_tutorial_ends_with_is_fair_and_hard_to_fool() {
    runner::require_python();
    assert_eq!(runner::complaints(&vowel_count::task()), [""; 0]);
}

#[test]
fn the_tutorial_shows_that_suite_word_for_word() {
    let block = format!("```rust\n{}```\n", include_str!("tutorial/vowel_count.rs"));
    assert!(TUTORIAL.contains(&block), "TUTORIAL.md and tests/tutorial/vowel_count.rs differ");
}

#[test]
fn the_template_makes_a_suite_that_passes_before_it_is_changed() {
    let template = include_str!("../template.rs.txt");
    let filled = template.replace("NAME", "skeleton").replace("FAMILY", "Strings");
    runner::require_python();
    assert_eq!(filled, include_str!("tutorial/skeleton.rs"));
    assert_eq!(runner::complaints(&skeleton::task()), [""; 0]);
}

#[test]
fn a_mutant_that_no_case_finds_out_is_named_as_the_tutorial_says() {
    runner::require_python();
    let task = vowel_count::task().mutant("adds_nothing", "return sum", "return 0 + sum");
    let complaints = runner::complaints(&task);
    assert_eq!(complaints.len(), runner::SEEDS.len());
    assert_eq!(complaints[0], "vowel_count: adds_nothing survives seed 0");
    assert!(TUTORIAL.contains(&complaints[0]));
}
