//! How a task of the catalogue is defined.

use proptest::strategy::Strategy;

use crate::case::{Args, Case, Sequence};
use crate::check::Check;
use crate::draw::Generator;
use crate::family::Family;
use crate::instance::{Mutant, TaskInstance};
use crate::limits::Limits;
use crate::listing::FileListing;
use crate::task::{Kind, Task};

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
            given: None,
            groups: None,
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
        let mut task = self.asks(&prompt).wrong("as_given", code);
        task.given = Some(code.to_owned());
        task
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
        self.generators.push(Generator::new(count).kind(strategy, case));
        self
    }

    /// Adds one hidden generated case for each of `kinds`, for inputs of which every kind must be covered in
    /// every round.
    #[must_use]
    pub fn generated_each<K, S, C>(
        mut self,
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
        let generator = kinds.iter().fold(Generator::new(1), |generator, kind| {
            let (kind, strategy, oracle) = (kind.clone(), strategy.clone(), oracle.clone());
            let case = move |name, drawn| {
                let check = oracle(&drawn);
                plain(name, false, drawn, check)
            };
            generator.kind(move || strategy(&kind), case)
        });
        self.generators.push(generator);
        self
    }

    /// Groups the cases: a group counts as one case and passes if all its members are accepted. It is for tasks in which an answer that does not
    /// read its input would otherwise score.
    ///
    /// The generated cases form `count` groups. Each has as many cases of every `generated` as that states and
    /// one case of every `generated_each`, which takes its kinds in turn. The public cases are one more group,
    /// the other fixed ones another.
    #[must_use]
    pub fn groups(mut self, count: usize) -> Self {
        self.groups = Some(count);
        self
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
        self.generators.push(Generator::new(count).kind(strategy, case));
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
    Case { name, public, group: None, args, steps: Vec::new(), check }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Seed;

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
    fn a_group_has_calls_of_every_generator_and_counts_once() {
        let task = Task::code(Family::Numbers, "f", "F")
            .case("one", (1,), 1)
            .example((0,), 0)
            .case("two", (2,), 2)
            .generated_each(&[10_i64, 20], |start| (*start..start + 10,), |(n,)| *n)
            .generated(2, || (0_i64..10,), |(n,)| *n)
            .groups(3);
        let cases = task.cases(Seed(1));
        let groups: Vec<_> = cases.iter().filter_map(|case| case.group.as_deref()).collect();
        assert_eq!(groups[..3], ["examples", "fixed", "fixed"]);
        let numbered = ["group_1", "group_2", "group_3"].map(|group| [group; 3]);
        assert_eq!(groups[3..], numbered.concat());
        let tens = cases[3..].iter().map(|case| case.args[0].as_i64().unwrap() / 10);
        assert_eq!(tens.collect::<Vec<_>>(), [1, 0, 0, 2, 0, 0, 1, 0, 0]);
        assert_eq!(task.case_count(), 5);
        let member = task.shrinker(Seed(1), "generated_4").unwrap().case();
        assert_eq!(member.group.as_deref(), Some("group_2"));
    }

    #[test]
    #[should_panic(expected = "mutant typo: 'no such text' occurs 0 times")]
    fn rejects_a_mutant_that_changes_nothing() {
        let _ = Task::code(Family::Numbers, "f", "F").mutant("typo", "no such text", "");
    }
}
