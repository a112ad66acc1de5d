//! A task: the prompt for the agent and the cases that its answer must pass.
//!
//! A file of the catalogue builds one with a chain of calls:
//!
//! ```
//! use tasks::prelude::*;
//!
//! let task = Task::code(Family::Numbers, "double", "Double a number")
//!     .asks("Implement a function double(n: int) -> int that returns twice n.")
//!     .solved_by("def double(n):\n    return 2 * n\n")
//!     .mutant("adds_two", "2 * n", "2 + n")
//!     .example((2,), 4)
//!     .case("negative", (-3,), -6)
//!     .generated(5, || (any::<i32>(),), |(n,)| i64::from(*n) * 2);
//!
//! assert_eq!(task.cases(tasks::Seed(1)).len(), 7);
//! ```
//!
//! The answer may also be a class. Then a case is a sequence of method calls on an object:
//!
//! ```
//! use tasks::prelude::*;
//!
//! let task = Task::class(Family::State, "counter", "Counter", "A counter")
//!     .asks("Implement a class Counter with a method up() that returns how often it was called.")
//!     .solved_by(
//!         r"
//! class Counter:
//!     def __init__(self):
//!         self.count = 0
//!
//!     def up(self):
//!         self.count += 1
//!         return self.count
//! ",
//!     )
//!     .example_sequence(Sequence::of(()).then("up", (), 1).then("up", (), 2))
//!     .generated_sequences(3, || 1..20, |ups| {
//!         (1..=*ups).fold(Sequence::of(()), |calls, count| calls.then("up", (), count))
//!     });
//!
//! let example = &task.cases(tasks::Seed(1))[0];
//! assert_eq!(example.call("Counter"), "obj = Counter(); obj.up(); obj.up()");
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::case::{Case, shortened};
use crate::check::CallOutcome;
use crate::digest::Sha256;
use crate::draw::{self, DrawPlan, Generator, Shrinker};
use crate::family::Family;
use crate::findings;
use crate::id::{Seed, TaskId};
use crate::instance::{Mutant, TaskInstance};
use crate::limits::Limits;
use crate::listing::FileListing;
use crate::verdict::Verdict;

/// The form of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Python source that defines a function or class of this name.
    Code {
        /// The name that the answer must define.
        entry_point: String,
    },
    /// JSON in the format stated in the prompt; see [`Task::judge_findings`]. Nothing is called.
    Findings,
}

/// A task: a prompt, limits, and the cases that an answer must pass.
#[derive(Clone)]
pub struct Task {
    /// Unique among all tasks.
    pub id: TaskId,
    /// Short title.
    pub title: String,
    /// The skill that it exercises.
    pub family: Family,
    /// Weight of the task in an agent's score; 1 unless the task sets another.
    pub weight: u32,
    /// The form of the answer.
    pub kind: Kind,
    /// Limits of a trial.
    pub limits: Limits,
    /// Source appended to an answer before it is loaded: the assertions of a benchmark that has no expected
    /// values. They run in the same process as the answer, so their verdict is advisory.
    pub assertions: Option<String>,
    pub(crate) fixed: TaskInstance,
    pub(crate) given: Option<String>,
    pub(crate) groups: Option<usize>,
    pub(crate) generators: Vec<Generator>,
    pub(crate) listing: Option<FileListing>,
}

impl Task {
    /// Returns the name that an answer must define; empty for a findings task.
    pub fn entry_point(&self) -> &str {
        match &self.kind {
            Kind::Code { entry_point } => entry_point,
            Kind::Findings => "",
        }
    }

    /// Returns the prompt. It depends on the seed only for a findings task.
    pub fn prompt(&self, seed: Seed) -> String {
        self.instance(&self.label(seed)).prompt
    }

    /// Returns an answer that passes every case of the round.
    pub fn reference(&self, seed: Seed) -> String {
        self.instance(&self.label(seed)).reference
    }

    /// Returns wrong answers, each of which must fail a case of the round.
    pub fn mutants(&self, seed: Seed) -> Vec<Mutant> {
        self.instance(&self.label(seed)).mutants
    }

    /// Returns the code that the prompt asks to repair, if it does.
    pub fn given(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// Returns the source to load for an answer: the answer and, if the task has some, its assertions.
    pub fn loaded<'a>(&self, answer: &'a str) -> Cow<'a, str> {
        match &self.assertions {
            Some(assertions) => Cow::Owned(format!("{answer}{assertions}")),
            None => Cow::Borrowed(answer),
        }
    }

    /// Returns how a trial of the task is scored, as a sentence for people.
    pub fn scoring_rule(&self) -> &'static str {
        match (&self.kind, &self.given, self.groups) {
            (Kind::Findings, ..) => {
                "The score is 100 x (weaknesses found - false alarms) / weaknesses, and never below 0."
            }
            (_, Some(_), _) => {
                "Every case combines an attack with ordinary use and passes only if all of it is right, so the \
                 score is the share of attacks fixed times the share of behaviour kept; the given code scores 0."
            }
            (_, None, Some(_)) => {
                "Every case is a group of calls and passes only if all of them are right; the score is 100 x \
                 passed cases / cases."
            }
            (_, None, None) => "The score is 100 x passed cases / cases.",
        }
    }

    /// Returns the number of cases in every round, where a group of cases counts as one.
    pub fn case_count(&self) -> usize {
        let listed = self.listing.as_ref().map_or(0, FileListing::case_count);
        let fixed = &self.fixed.cases;
        match self.groups {
            None => {
                listed + fixed.len() + self.generators.iter().map(Generator::total).sum::<usize>()
            }
            Some(groups) => {
                let has =
                    |public: bool| usize::from(fixed.iter().any(|case| case.public == public));
                groups + has(true) + has(false)
            }
        }
    }

    /// Returns the cases of the round: first the public ones, then the other fixed ones, then the generated ones.
    pub fn cases(&self, seed: Seed) -> Vec<Case> {
        let label = self.label(seed);
        let mut cases = self.instance(&label).cases;
        if self.groups.is_some() {
            for case in &mut cases {
                case.group = Some(if case.public { "examples" } else { "fixed" }.to_owned());
            }
        }
        let drawn = self.draw_plan().draw_all(draw::runner(&label));
        cases.extend(drawn.map(|drawn| drawn.case()));
        // Public cases run first, before the answer has seen a hidden input.
        cases.sort_by_key(|case| !case.public);
        cases
    }

    /// Returns a shrinker of the generated case with this name, or `None` if there is no such case.
    pub fn shrinker(&self, seed: Seed, case: &str) -> Option<Shrinker> {
        let mut drawn = self.draw_plan().draw_all(draw::runner(&self.label(seed)));
        drawn.find(|drawn| drawn.case().name == case)
    }

    /// Returns the digest of everything that decides a trial's verdict under this seed, except the agent.
    pub fn digest(&self, seed: Seed) -> Sha256 {
        self.digest_of(&self.prompt(seed), &self.cases(seed))
    }

    /// Returns the same digest, computed from the round's prompt and cases.
    pub fn digest_of(&self, prompt: &str, cases: &[Case]) -> Sha256 {
        let all = (&self.id, prompt, &self.kind, &self.limits, cases);
        let mut bytes = serde_json::to_vec(&all).expect("a task is plain data");
        bytes.extend(self.assertions.iter().flat_map(|source| source.bytes()));
        Sha256::of(&bytes)
    }

    /// Judges an answer of the kind [`Kind::Findings`]. Returns a verdict and an explanation for each of
    /// `cases`. A malformed answer gets [`Verdict::NoSolution`] for every case.
    pub fn judge_findings(&self, cases: &[Case], answer: &str) -> Vec<(Verdict, String)> {
        let outcome = findings::parse(answer).map(CallOutcome::Found);
        let judge = |case: &Case| match &outcome {
            Ok(outcome) => match case.check.judge(outcome) {
                Verdict::Accepted => (Verdict::Accepted, String::new()),
                verdict => (verdict, case.explain("", outcome)),
            },
            Err(error) => (Verdict::NoSolution, shortened(error, 160)),
        };
        cases.iter().map(judge).collect()
    }

    fn draw_plan(&self) -> DrawPlan<'_> {
        DrawPlan { generators: &self.generators, groups: self.groups }
    }

    fn label(&self, seed: Seed) -> String {
        format!("{seed}/{}", self.id)
    }

    /// Returns the task as the label's round asks it, without the generated cases.
    pub(crate) fn instance(&self, label: &str) -> TaskInstance {
        match &self.listing {
            Some(listing) => listing.instance(&self.title, &mut draw::runner(label)),
            None => self.fixed.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Sequence;

    fn twice() -> Task {
        let task = Task::code(Family::Numbers, "twice", "Twice").asks("Return twice n.");
        task.generated(3, || (500_i64..100_000,), |(n,)| n * 2)
    }

    #[test]
    fn digest_depends_on_the_seed() {
        let task = twice();
        assert_eq!(task.digest(Seed(1)), task.digest(Seed(1)));
        assert_ne!(task.digest(Seed(1)), task.digest(Seed(2)));
    }

    #[test]
    fn every_kind_of_task_states_its_rule() {
        let rule = |id: &str| crate::find(id).expect("the task is built in").view().scoring;
        for (id, part) in [
            ("reverse_string", "100 x passed cases / cases."),
            ("two_sum", "passes only if all of them are right"),
            (
                "checked_host",
                "attacks fixed times the share of behaviour kept; the given code scores 0",
            ),
            ("review_web_app", "(weaknesses found - false alarms) / weaknesses"),
        ] {
            assert!(rule(id).contains(part), "{id}: {}", rule(id));
        }
    }

    #[test]
    fn digest_covers_everything_that_decides_a_verdict() {
        let task = twice;
        let plain = task().digest(Seed(1));
        assert_ne!(plain, task().asks("Do it").digest(Seed(1)));
        assert_ne!(plain, task().case("more", ("a",), "a").digest(Seed(1)));
        let other_step = task().sequence("more", Sequence::of(()).then("a", (), 1));
        let digest = other_step.digest(Seed(1));
        assert_ne!(plain, digest);
        assert_ne!(
            digest,
            task().sequence("more", Sequence::of(()).then("a", (), 2)).digest(Seed(1))
        );
        assert_ne!(plain, task().call_cpu_ms(1).digest(Seed(1)));
    }

    #[test]
    fn shrinks_to_the_smallest_failing_case() {
        let task = twice();
        let fails = |case: &Case| case.args[0].as_i64().unwrap() >= 777;
        let mut shrinker = task.shrinker(Seed(5), "generated_2").unwrap();
        let mut smallest = shrinker.case();
        assert_eq!(smallest.args[0].as_i64(), task.cases(Seed(5))[1].args[0].as_i64());
        assert!(fails(&smallest));
        let mut goes_on = shrinker.simplify();
        while goes_on {
            let case = shrinker.case();
            goes_on = if fails(&case) { shrinker.simplify() } else { shrinker.complicate() };
            if fails(&case) {
                smallest = case;
            }
        }
        assert_eq!(smallest.call("twice"), "twice(777)");
        assert_eq!(smallest.check.to_string(), "1554");
        assert!(task.shrinker(Seed(5), "generated_4").is_none());
    }
}
