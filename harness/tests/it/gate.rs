//! The gate in the real sandbox: every built-in task passes, and unsound tasks do not.

use std::sync::Arc;

use harness::gate::{GatePlan, gate};
use harness::sandbox::{self, SandboxSettings};
use tasks::Task;
use tasks::prelude::*;

use crate::machine;

const SEEDS: u16 = 10;
const JOBS: usize = 2;

async fn failures(tasks: Vec<Task>, seeds: u16) -> Vec<String> {
    let _shared = machine::shared().await;
    let sandbox = sandbox::open(&SandboxSettings::default(), &|_| ()).await.expect("a sandbox");
    let plan = GatePlan { tasks, seeds, jobs: JOBS };
    let proofs = gate(&sandbox, plan, Arc::new(|_| ())).await;
    sandbox.cleanup().await.expect("everything is removed");
    let proofs = proofs.expect("the arena does not fail");
    let failure = |(id, failure)| format!("{id}: {failure}");
    let each = proofs.iter().flat_map(|p| p.failures.iter().map(move |f| (&p.task, f)));
    each.map(failure).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_built_in_task_passes() {
    assert_eq!(failures(tasks::all(), SEEDS).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_what_is_wrong_with_an_unsound_task() {
    let double = || {
        Task::code(Family::Numbers, "double", "Double")
            .asks("Implement a function double(n: int) -> int that returns twice n.")
            .example((2,), 4)
            .generated(5, || (1_i64..100,), |(n,)| n * 2)
    };
    let task = |reference: &str, wrong: &[&str]| {
        let task = double().solved_by(reference);
        wrong
            .iter()
            .enumerate()
            .fold(task, |task, (n, source)| task.wrong(&format!("wrong {n}"), source))
    };
    let wrong =
        ["def double(n): return n", "def double(n): return -2 * n", "def double(n): return 4"];
    // Every constant of a task with one result is right.
    let constant = Task::code(Family::Numbers, "double", "Double")
        .asks("Implement a function double(n: int) -> int that returns 7.")
        .generated(5, || (1_i64..100,), |(_,)| 7)
        .solved_by("def double(n): return 7");
    let constant = wrong.iter().fold(constant, |task, source| task.wrong(source, source));
    let cases = [
        (constant, Some("the lazy control 'most_frequent_result' scores 100 under seed 1")),
        (task("def double(n): return 2 * n", &wrong), None),
        (task("def double(n): return 3 * n", &wrong), Some("its reference gets WA")),
        (
            task(
                "def double(n):\n    for i in range(1_000_000_000): pass\n    return 2 * n",
                &wrong,
            ),
            Some("its reference gets TLE"),
        ),
        (task("def double(n): return 2 * n", &wrong[..2]), Some("2 wrong variants")),
        (
            task(
                "def double(n): return 2 * n",
                &[wrong[0], wrong[1], "def double(n): return n + n"],
            ),
            Some("'wrong 2' passes"),
        ),
    ];
    for (task, expected) in cases {
        let found = failures(vec![task], 1).await;
        match expected {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(words) => assert!(found.iter().any(|f| f.contains(words)), "{words}: {found:?}"),
        }
    }
}
