//! A task: what is asked of an agent, and the cases that its answer must pass.
//!
//! A suite file builds one with a few calls that read like prose:
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
//! The answer may be a class too. Then a case is the life of an object:
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
//!         (1..=*ups).fold(Sequence::of(()), |life, count| life.then("up", (), count))
//!     });
//!
//! let example = &task.cases(tasks::Seed(1))[0];
//! assert_eq!(example.call("Counter"), "obj = Counter(); obj.up(); obj.up()");
//! ```

use std::borrow::Cow;

use proptest::strategy::Strategy;
use serde::{Deserialize, Serialize};

use crate::case::{Args, shortened};
use crate::draw::{self, Generator};
use crate::listing::Listing;
use crate::{
    Case, Check, Family, Limits, Outcome, Seed, Sequence, Sha256, Shrinker, TaskId, Verdict,
    findings,
};

/// What form an answer takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Python source that defines a function or class of this name.
    Code {
        /// The name that the answer must define.
        entry_point: String,
    },
    /// JSON in the format that the prompt states; see [`Task::judge_findings`]. Nothing is called.
    Findings,
}

/// A wrong variant of the reference, kept to prove that the cases find it out.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What is wrong with it.
    pub name: String,
    /// The answer as the agent would print it.
    pub answer: String,
}

/// What is asked and what passes.
#[derive(Clone)]
pub struct Task {
    /// Unique among the tasks.
    pub id: TaskId,
    /// A few words for people.
    pub title: String,
    /// What kind of skill it asks for.
    pub family: Family,
    /// How much it counts beside the others; 1 unless the suite says more.
    pub weight: u32,
    /// The form of the answer.
    pub kind: Kind,
    /// What a trial may use.
    pub limits: Limits,
    /// Source that is appended to an answer before it is loaded: assertions of a benchmark that has no
    /// expected values. They run beside the answer, so a verdict by them is advisory.
    pub assertions: Option<String>,
    paper: Paper,
    generators: Vec<Generator>,
    pub(crate) listing: Option<Listing>,
}

/// What of a task one round decides: for most tasks only the generated cases are new, for a listing
/// all of it.
#[derive(Clone, Default)]
pub(crate) struct Paper {
    pub prompt: String,
    pub reference: String,
    pub mutants: Vec<Mutant>,
    pub cases: Vec<Case>,
}

/// How a suite states a task.
impl Task {
    /// A task whose answer is Python source that defines a function named like the task.
    ///
    /// # Panics
    ///
    /// If `id` is not a task id; suites are part of this crate, so a test finds that.
    pub fn code(family: Family, id: &str, title: &str) -> Self {
        Self::new(family, id, title, Kind::Code { entry_point: id.to_owned() })
    }

    /// A task whose answer is Python source that defines a class of the name `class`.
    ///
    /// # Panics
    ///
    /// If `id` is not a task id.
    pub fn class(family: Family, id: &str, class: &str, title: &str) -> Self {
        Self::new(family, id, title, Kind::Code { entry_point: class.to_owned() })
    }

    /// A task whose answer names the weaknesses of a listing, which every round renders anew.
    ///
    /// # Panics
    ///
    /// If `id` is not a task id.
    pub fn findings(family: Family, id: &str, title: &str, listing: Listing) -> Self {
        Self { listing: Some(listing), ..Self::new(family, id, title, Kind::Findings) }
    }

    fn new(family: Family, id: &str, title: &str, kind: Kind) -> Self {
        Self {
            id: id.parse().expect("a suite names its task properly"),
            title: title.to_owned(),
            family,
            weight: 1,
            kind,
            limits: Limits::STANDARD,
            assertions: None,
            paper: Paper::default(),
            generators: Vec::new(),
            listing: None,
        }
    }

    /// What the agent is told.
    #[must_use]
    pub fn asks(mut self, prompt: &str) -> Self {
        prompt.trim().clone_into(&mut self.paper.prompt);
        self
    }

    /// Asks for the repair of `code`, which stands below the words in the prompt and is itself a
    /// wrong answer.
    #[must_use]
    pub fn asks_to_repair(self, words: &str, code: &str) -> Self {
        let prompt = format!("{}\n\n{}", words.trim(), code.trim());
        self.asks(&prompt).wrong("as_given", code)
    }

    /// A correct answer: the proof that the task can be solved.
    #[must_use]
    pub fn solved_by(mut self, source: &str) -> Self {
        self.paper.reference = format!("{}\n", source.trim());
        self
    }

    /// A wrong answer that differs from the reference in one place: where that says `right`, it
    /// says `wrong`.
    ///
    /// # Panics
    ///
    /// If the reference does not say `right` exactly once.
    #[must_use]
    pub fn mutant(self, name: &str, right: &str, wrong: &str) -> Self {
        let places = self.paper.reference.matches(right).count();
        assert!(places == 1, "{}, mutant {name}: '{right}' stands {places} times", self.id);
        let source = self.paper.reference.replacen(right, wrong, 1);
        self.wrong(name, &source)
    }

    /// A wrong answer, in full.
    #[must_use]
    pub fn wrong(mut self, name: &str, source: &str) -> Self {
        let answer = format!("{}\n", source.trim());
        self.paper.mutants.push(Mutant { name: name.to_owned(), answer });
        self
    }

    /// How much the task counts beside the others.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// The CPU time of a call, where the standard one says too little about the task.
    #[must_use]
    pub fn call_cpu_ms(mut self, call_cpu_ms: u64) -> Self {
        self.limits.call_cpu_ms = call_cpu_ms;
        self
    }

    /// A public case: miners see it, and it stands in `GET /tasks`.
    #[must_use]
    pub fn example(self, args: impl Args, expected: impl Into<Check>) -> Self {
        let name = self.example_name();
        self.fixed(plain(name, true, args, expected))
    }

    /// A hidden case with a name that says what it is about.
    #[must_use]
    pub fn case(self, name: &str, args: impl Args, expected: impl Into<Check>) -> Self {
        self.fixed(plain(name.to_owned(), false, args, expected))
    }

    /// A public case that is the life of an object.
    #[must_use]
    pub fn example_sequence(self, sequence: Sequence) -> Self {
        let name = self.example_name();
        self.fixed(sequence.into_case(name, true))
    }

    /// A hidden case that is the life of an object.
    #[must_use]
    pub fn sequence(self, name: &str, sequence: Sequence) -> Self {
        self.fixed(sequence.into_case(name.to_owned(), false))
    }

    /// `count` hidden cases, drawn afresh in every round from what `strategy` builds, with the
    /// truth computed by `oracle` here in Rust.
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

    /// One hidden case for each of `kinds`, drawn afresh in every round: where every kind of input
    /// must be tried.
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

    /// `count` hidden cases that are lives of objects: `strategy` draws what happens, and `model`
    /// tells it as a sequence with what is to come of it.
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
        self.paper.cases.push(case);
        self
    }

    fn example_name(&self) -> String {
        format!("example_{}", self.paper.cases.iter().filter(|case| case.public).count() + 1)
    }
}

fn plain(name: String, public: bool, args: impl Args, expected: impl Into<Check>) -> Case {
    let (args, check) = (args.into_values(), expected.into());
    Case { name, public, args, steps: Vec::new(), check }
}

/// What a round asks of a task.
impl Task {
    /// The name that an answer must define; empty for a findings task, whose answer defines
    /// nothing.
    pub fn entry_point(&self) -> &str {
        match &self.kind {
            Kind::Code { entry_point } => entry_point,
            Kind::Findings => "",
        }
    }

    /// What the agent is told, word for word. Only a listing differs from round to round.
    pub fn prompt(&self, seed: Seed) -> String {
        self.paper(&self.label(seed)).prompt
    }

    /// An answer that passes every case of the round.
    pub fn reference(&self, seed: Seed) -> String {
        self.paper(&self.label(seed)).reference
    }

    /// Answers that must each fail a case of the round.
    pub fn mutants(&self, seed: Seed) -> Vec<Mutant> {
        self.paper(&self.label(seed)).mutants
    }

    /// What is loaded of an answer: itself, and assertions if the task has some.
    pub fn loaded<'a>(&self, answer: &'a str) -> Cow<'a, str> {
        match &self.assertions {
            Some(assertions) => Cow::Owned(format!("{answer}{assertions}")),
            None => Cow::Borrowed(answer),
        }
    }

    /// How many cases every round has.
    pub fn case_count(&self) -> usize {
        let listed = self.listing.as_ref().map_or(0, Listing::case_count);
        let generated: usize = self.generators.iter().map(|generator| generator.count).sum();
        listed + self.paper.cases.len() + generated
    }

    /// The cases of the round with this seed: the public ones, then the other fixed ones, then the generated ones.
    pub fn cases(&self, seed: Seed) -> Vec<Case> {
        let label = self.label(seed);
        let mut cases = self.paper(&label).cases;
        let drawn = draw::draw_all(&self.generators, draw::runner(&label));
        cases.extend(drawn.map(|drawn| drawn.case()));
        // An answer is called with the public ones before it is told any other.
        cases.sort_by_key(|case| !case.public);
        cases
    }

    /// The generated case of this name, ready to be made smaller; `None` if no generated case has
    /// it.
    pub fn shrinker(&self, seed: Seed, case: &str) -> Option<Shrinker> {
        let mut drawn = draw::draw_all(&self.generators, draw::runner(&self.label(seed)));
        drawn.find(|drawn| drawn.case().name == case)
    }

    /// The digest of everything that decides a trial's verdict under this seed, except the agent.
    pub fn digest(&self, seed: Seed) -> Sha256 {
        self.digest_of(&self.prompt(seed), &self.cases(seed))
    }

    /// The same digest, for who has the round's prompt and cases at hand.
    pub fn digest_of(&self, prompt: &str, cases: &[Case]) -> Sha256 {
        let all = (&self.id, prompt, &self.kind, &self.limits, cases);
        let mut bytes = serde_json::to_vec(&all).expect("a task is plain data");
        bytes.extend(self.assertions.iter().flat_map(|source| source.bytes()));
        Sha256::of(&bytes)
    }

    /// Judges an answer of the kind [`Kind::Findings`] by `cases`: for each its verdict, and what
    /// there is to say about it. An answer that is not of the form is no solution, for every case.
    pub fn judge_findings(&self, cases: &[Case], answer: &str) -> Vec<(Verdict, String)> {
        let outcome = findings::parse(answer).map(Outcome::Found);
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

    pub(crate) fn paper(&self, label: &str) -> Paper {
        match &self.listing {
            Some(listing) => listing.paper(&self.title, &mut draw::runner(label)),
            None => self.paper.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_generated_cases_and_so_the_digest() {
        let task = crate::find("reverse_string").unwrap();
        assert_eq!(task.digest(Seed(1)), task.digest(Seed(1)));
        assert_ne!(task.digest(Seed(1)), task.digest(Seed(2)));
    }

    #[test]
    fn every_part_that_decides_a_verdict_takes_part_in_the_digest() {
        let task = || crate::find("reverse_string").unwrap();
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
    fn a_failed_case_shrinks_to_the_smallest_that_still_fails() {
        let task = Task::code(Family::Numbers, "twice", "Twice").generated(
            3,
            || (500_i64..100_000,),
            |(n,)| n * 2,
        );
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
    fn code_to_repair_stands_in_the_prompt_and_is_a_wrong_answer() {
        let task =
            Task::code(Family::Security, "f", "F").asks_to_repair("Repair f.", "\ndef f(): ...\n");
        assert_eq!(task.prompt(Seed(1)), "Repair f.\n\ndef f(): ...");
        assert_eq!(task.mutants(Seed(1))[0].answer, "def f(): ...\n");
    }

    #[test]
    fn every_kind_is_drawn_once_in_every_round() {
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
    fn findings_are_judged_case_by_case_and_explained() {
        let task = crate::find("review_web_app").unwrap();
        let seed = Seed(3);
        let cases = task.cases(seed);
        let judged = |answer: &str| task.judge_findings(&cases, answer);
        let right = |answer: &str| judged(answer).iter().filter(|(v, _)| !v.is_wrong()).count();
        assert_eq!(right(&task.reference(seed)), cases.len());
        assert_eq!(right("[]"), 0);
        let [(verdict, why), ..] = &judged("[]")[..] else { panic!("no cases") };
        assert_eq!(*verdict, Verdict::WrongAnswer);
        assert!(why.starts_with("the answer reported nothing, expected CWE-"), "{why}");
        let [(_, why), ..] = &judged(&format!("[\"{}\"]", "x".repeat(9_999)))[..] else { panic!() };
        assert!(why.len() < 200, "{why}");
        assert!(judged("I found nothing.").iter().all(|(v, _)| *v == Verdict::NoSolution));
        assert!(task.reference(Seed(4)) != task.reference(seed));
        assert_eq!(task.view(), task.view());
    }

    #[test]
    #[should_panic(expected = "mutant typo: 'no such text' stands 0 times")]
    fn a_mutant_that_changes_nothing_is_refused() {
        let _ = Task::code(Family::Numbers, "f", "F").mutant("typo", "no such text", "");
    }
}
