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

use proptest::strategy::Strategy;
use serde::{Deserialize, Serialize};

use crate::case::{Args, Case, Sequence, shortened};
use crate::check::{CallOutcome, Check};
use crate::digest::Sha256;
use crate::draw::{self, Generator, Shrinker};
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
    fixed: TaskInstance,
    generators: Vec<Generator>,
    pub(crate) listing: Option<FileListing>,
}

/// Defines a task.
impl Task {
    /// Creates a task whose answer is Python source that defines a function with the task's id as its name.
    ///
    /// # Panics
    ///
    /// Panics if `id` is not a task id. Ids are constants of the catalogue, so a test catches that.
    pub fn code(family: Family, id: &str, title: &str) -> Self {
        Self::new(family, id, title, Kind::Code { entry_point: id.to_owned() })
    }

    /// Creates a task whose answer is Python source that defines the class `class`.
    ///
    /// # Panics
    ///
    /// Panics if `id` is not a task id.
    pub fn class(family: Family, id: &str, class: &str, title: &str) -> Self {
        Self::new(family, id, title, Kind::Code { entry_point: class.to_owned() })
    }

    /// Creates a task whose answer names the weaknesses of a listing, which is rendered anew in every round.
    ///
    /// # Panics
    ///
    /// Panics if `id` is not a task id.
    pub fn findings(family: Family, id: &str, title: &str, listing: FileListing) -> Self {
        Self { listing: Some(listing), ..Self::new(family, id, title, Kind::Findings) }
    }

    fn new(family: Family, id: &str, title: &str, kind: Kind) -> Self {
        Self {
            id: id.parse().expect("ids in the catalogue are task ids"),
            title: title.to_owned(),
            family,
            weight: 1,
            kind,
            limits: Limits::STANDARD,
            assertions: None,
            fixed: TaskInstance::default(),
            generators: Vec::new(),
            listing: None,
        }
    }

    /// Sets the prompt.
    #[must_use]
    pub fn asks(mut self, prompt: &str) -> Self {
        prompt.trim().clone_into(&mut self.fixed.prompt);
        self
    }

    /// Sets a prompt that asks for the repair of `code`, which is appended to `words` and becomes the mutant
    /// `as_given`.
    #[must_use]
    pub fn asks_to_repair(self, words: &str, code: &str) -> Self {
        let prompt = format!("{}\n\n{}", words.trim(), code.trim());
        self.asks(&prompt).wrong("as_given", code)
    }

    /// Sets the reference: a correct answer, which proves that the task can be solved.
    #[must_use]
    pub fn solved_by(mut self, source: &str) -> Self {
        self.fixed.reference = format!("{}\n", source.trim());
        self
    }

    /// Adds a mutant: the reference with `right` replaced by `wrong`.
    ///
    /// # Panics
    ///
    /// Panics if `right` does not occur exactly once in the reference.
    #[must_use]
    pub fn mutant(self, name: &str, right: &str, wrong: &str) -> Self {
        let places = self.fixed.reference.matches(right).count();
        assert!(places == 1, "{}, mutant {name}: '{right}' occurs {places} times", self.id);
        let source = self.fixed.reference.replacen(right, wrong, 1);
        self.wrong(name, &source)
    }

    /// Adds a mutant given as a whole answer.
    #[must_use]
    pub fn wrong(mut self, name: &str, source: &str) -> Self {
        let answer = format!("{}\n", source.trim());
        self.fixed.mutants.push(Mutant { name: name.to_owned(), answer });
        self
    }

    /// Sets the weight of the task in an agent's score.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Sets the CPU time per call, for tasks in which slow answers must fail.
    #[must_use]
    pub fn call_cpu_ms(mut self, call_cpu_ms: u64) -> Self {
        self.limits.call_cpu_ms = call_cpu_ms;
        self
    }

    /// Adds a public case, which is served by `GET /tasks`.
    #[must_use]
    pub fn example(self, args: impl Args, expected: impl Into<Check>) -> Self {
        let name = self.example_name();
        self.fixed(plain(name, true, args, expected))
    }

    /// Adds a hidden case with a descriptive name.
    #[must_use]
    pub fn case(self, name: &str, args: impl Args, expected: impl Into<Check>) -> Self {
        self.fixed(plain(name.to_owned(), false, args, expected))
    }

    /// Adds a public case that is a sequence of method calls.
    #[must_use]
    pub fn example_sequence(self, sequence: Sequence) -> Self {
        let name = self.example_name();
        self.fixed(sequence.into_case(name, true))
    }

    /// Adds a hidden case that is a sequence of method calls.
    #[must_use]
    pub fn sequence(self, name: &str, sequence: Sequence) -> Self {
        self.fixed(sequence.into_case(name.to_owned(), false))
    }

    /// Adds `count` hidden cases whose arguments every round draws from `strategy`. `oracle` computes the
    /// expected value.
    #[must_use]
    pub fn generated<S, C>(
        mut self,
        count: usize,
        strategy: impl Fn() -> S + Send + Sync + 'static,
        oracle: impl Fn(&S::Value) -> C + Send + Sync + 'static,
    ) -> Self
    where
        S: Strategy,
        S::Tree: 'static,
        S::Value: Args,
        C: Into<Check>,
    {
        let case = move |name, drawn| {
            let check = oracle(&drawn);
            plain(name, false, drawn, check)
        };
        self.generators.push(Generator::new(count, strategy, case));
        self
    }

    /// Adds one hidden generated case for each of `kinds`, for inputs of which every kind must be covered in
    /// every round.
    #[must_use]
    pub fn generated_each<K, S, C>(
        self,
        kinds: &[K],
        strategy: impl Fn(&K) -> S + Clone + Send + Sync + 'static,
        oracle: impl Fn(&S::Value) -> C + Clone + Send + Sync + 'static,
    ) -> Self
    where
        K: Clone + Send + Sync + 'static,
        S: Strategy,
        S::Tree: 'static,
        S::Value: Args,
        C: Into<Check>,
    {
        kinds.iter().fold(self, |task, kind| {
            let (kind, strategy) = (kind.clone(), strategy.clone());
            task.generated(1, move || strategy(&kind), oracle.clone())
        })
    }

    /// Adds `count` hidden cases that are sequences of method calls: `strategy` draws the calls, and `model`
    /// converts them to a sequence with the expected outcomes.
    #[must_use]
    pub fn generated_sequences<S>(
        mut self,
        count: usize,
        strategy: impl Fn() -> S + Send + Sync + 'static,
        model: impl Fn(&S::Value) -> Sequence + Send + Sync + 'static,
    ) -> Self
    where
        S: Strategy,
        S::Tree: 'static,
    {
        let case = move |name, drawn| model(&drawn).into_case(name, false);
        self.generators.push(Generator::new(count, strategy, case));
        self
    }

    pub(crate) fn fixed(mut self, case: Case) -> Self {
        self.fixed.cases.push(case);
        self
    }

    fn example_name(&self) -> String {
        format!("example_{}", self.fixed.cases.iter().filter(|case| case.public).count() + 1)
    }
}

fn plain(name: String, public: bool, args: impl Args, expected: impl Into<Check>) -> Case {
    let (args, check) = (args.into_values(), expected.into());
    Case { name, public, args, steps: Vec::new(), check }
}

/// Queries a task, mostly for one round.
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

    /// Returns the source to load for an answer: the answer and, if the task has some, its assertions.
    pub fn loaded<'a>(&self, answer: &'a str) -> Cow<'a, str> {
        match &self.assertions {
            Some(assertions) => Cow::Owned(format!("{answer}{assertions}")),
            None => Cow::Borrowed(answer),
        }
    }

    /// Returns the number of cases in every round.
    pub fn case_count(&self) -> usize {
        let listed = self.listing.as_ref().map_or(0, FileListing::case_count);
        let generated: usize = self.generators.iter().map(|generator| generator.count).sum();
        listed + self.fixed.cases.len() + generated
    }

    /// Returns the cases of the round: first the public ones, then the other fixed ones, then the generated ones.
    pub fn cases(&self, seed: Seed) -> Vec<Case> {
        let label = self.label(seed);
        let mut cases = self.instance(&label).cases;
        let drawn = draw::draw_all(&self.generators, draw::runner(&label));
        cases.extend(drawn.map(|drawn| drawn.case()));
        // Public cases run first, before the answer has seen a hidden input.
        cases.sort_by_key(|case| !case.public);
        cases
    }

    /// Returns a shrinker of the generated case with this name, or `None` if there is no such case.
    pub fn shrinker(&self, seed: Seed, case: &str) -> Option<Shrinker> {
        let mut drawn = draw::draw_all(&self.generators, draw::runner(&self.label(seed)));
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

    #[test]
    fn code_to_repair_is_in_the_prompt_and_a_mutant() {
        let task =
            Task::code(Family::Security, "f", "F").asks_to_repair("Repair f.", "\ndef f(): ...\n");
        assert_eq!(task.prompt(Seed(1)), "Repair f.\n\ndef f(): ...");
        assert_eq!(task.mutants(Seed(1))[0].answer, "def f(): ...\n");
    }

    #[test]
    fn generated_each_draws_every_kind_once() {
        let task = Task::code(Family::Numbers, "f", "F").generated_each(
            &[10_i64, 20, 30],
            |start| (*start..start + 10,),
            |(n,)| *n,
        );
        for seed in 0..5 {
            let cases = task.cases(Seed(seed));
            let tens = cases.iter().map(|case| case.args[0].as_i64().unwrap() / 10);
            assert_eq!(tens.collect::<Vec<_>>(), [1, 2, 3]);
        }
    }

    #[test]
    #[should_panic(expected = "mutant typo: 'no such text' occurs 0 times")]
    fn rejects_a_mutant_that_changes_nothing() {
        let _ = Task::code(Family::Numbers, "f", "F").mutant("typo", "no such text", "");
    }
}
