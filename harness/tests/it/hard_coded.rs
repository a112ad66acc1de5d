//! An agent that has memorized every public example and all of a past round scores next to nothing in
//! the next one.

use std::fmt::Write as _;
use std::sync::Arc;

use harness::round::check::{CheckRequest, check};
use harness::sandbox::{self, SandboxSettings};
use harness::trial::record::Disclose;
use platform::api::DisclosedTrial;
use tasks::{Check, Kind, Seed, Task};

use crate::machine;

/// A table of everything that round `seed` asked, as an agent. For checks that accept more than one value,
/// and for findings, it repeats the reference's whole answer of that round.
fn table(tasks: &[Task], seed: Seed) -> String {
    let mut answers = String::from("ANSWERS = {\n");
    for task in tasks {
        let answer = match task.kind {
            Kind::Findings => task.reference(seed),
            Kind::Code { .. } => {
                let name = task.entry_point();
                let mut source = String::from("TABLE = {\n");
                for case in task.cases(seed) {
                    let expected = match &case.check {
                        Check::Equal(value) | Check::Exact(value) | Check::AnyOrder(value) => value,
                        Check::Close { expected, .. } => expected,
                        _ => continue,
                    };
                    let call = case.call("");
                    let known =
                        format!("    {}: {},\n", python(&call), python(&expected.to_string()));
                    source.push_str(&known);
                }
                let _ = write!(
                    source,
                    "}}\nnan, inf = float('nan'), float('inf')\ndef {name}(*args):\n    \
                     call = '(' + ', '.join(map(repr, args)) + ')'\n    return eval(TABLE[call])\n"
                );
                source
            }
        };
        // The prompt of a findings task is new in each round, so only its first words are known.
        let prompt: String = task.prompt(seed).chars().take(60).collect();
        let _ = writeln!(answers, "    {}: {},", python(&prompt), python(&answer));
    }
    format!("import sys\n{answers}}}\nprint(ANSWERS.get(sys.argv[-1][:60], ''))\n")
}

/// A string literal that both JSON and Python read alike.
fn python(text: &str) -> String {
    serde_json::to_string(text).expect("text is plain data")
}

#[tokio::test(flavor = "multi_thread")]
async fn table_of_a_past_round_scores_nothing_in_the_next() {
    let _shared = machine::shared().await;
    let source = table(&tasks::all(), Seed(1));
    let sandbox = sandbox::open(&SandboxSettings::default(), &|_| ()).await.expect("a sandbox");
    let score = async |seed| {
        let quiet = Arc::new(|_| ());
        let (tasks, disclose) = (tasks::all(), Disclose::None);
        let request = CheckRequest { source: &source, tasks, seed, disclose, jobs: 1, model: None };
        let checked = check(&sandbox, request, quiet).await;
        let checked = checked.expect("the arena does not fail");
        let line = |t: &DisclosedTrial| format!("{} {}", t.record.task, t.record.score);
        eprintln!("{seed}: {:?}", checked.trials.iter().map(line).collect::<Vec<_>>());
        checked.score.expect("every trial is judged")
    };
    let (past, next) = (score(Seed(1)).await, score(Seed(2)).await);
    sandbox.cleanup().await.expect("everything is removed");
    // A table cannot hold every kind of result, and a group of calls counts only if all of them are right.
    assert!(past > 50.0, "the table fails in its own round: {past}");
    assert!(next < 20.0, "{next}");
}
