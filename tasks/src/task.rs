//! A task: what is asked of an agent, and the cases that its answer must pass.
//!
//! A suite file builds one with a few calls that read like prose:
//!
//! ```
//! use tasks::prelude::*;
//!
//! let task = Task::code("double", "Double a number")
//!     .prompt("Implement a function double(n: int) -> int that returns twice n.")
//!     .reference("def double(n):\n    return 2 * n\n")
//!     .example((2,), 4)
//!     .case("negative", (-3,), -6)
//!     .generated(5, || (any::<i32>(),), |(n,)| i64::from(*n) * 2);
//!
//! assert_eq!(task.cases(tasks::Seed(1)).len(), 7);
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::{Deserialize, Serialize};

use crate::{Check, Limits, Sha256, Value};

/// A task's id: 1 to 64 of `a-z`, `0-9` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text cannot be a task's id.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not a task id: 1 to 64 of a-z, 0-9 and _ are wanted", .0.escape_debug())]
pub struct ParseTaskIdError(String);

impl FromStr for TaskId {
    type Err = ParseTaskIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseTaskIdError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for TaskId {
    type Error = ParseTaskIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

/// What a round's generated cases are drawn from. The same seed gives the same cases everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What form an answer takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Python source that defines a function of this name.
    Code {
        /// The name that the answer must define.
        entry_point: String,
    },
}

/// One check of a task: the input of a call, which goes into the sandbox, and what its outcome is held
/// against, which never does.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// Unique within its task.
    pub name: String,
    /// Whether miners may see the input and what is expected.
    pub public: bool,
    /// The positional arguments of the call.
    pub args: Vec<Value>,
    /// What the outcome is held against.
    pub check: Check,
}

/// A tuple of values that can be the arguments of a call: `(2,)`, `("a", 3)`.
pub trait Args {
    /// The arguments as values.
    fn into_values(self) -> Vec<Value>;
}

macro_rules! args_for_tuples {
    ($(($($name:ident),*)),*) => {$(
        impl<$($name: Into<Value>),*> Args for ($($name,)*) {
            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn into_values(self) -> Vec<Value> {
                let ($($name,)*) = self;
                vec![$($name.into()),*]
            }
        }
    )*};
}
args_for_tuples!((), (A), (A, B), (A, B, C), (A, B, C, D));

type Generate = Arc<dyn Fn(&mut TestRunner, usize) -> Case + Send + Sync>;

/// What is asked and what passes.
#[derive(Clone)]
pub struct Task {
    /// Unique among the tasks.
    pub id: TaskId,
    /// A few words for people.
    pub title: String,
    /// What the agent is told, word for word.
    pub prompt: String,
    /// The form of the answer.
    pub kind: Kind,
    /// What a trial may use.
    pub limits: Limits,
    /// An answer that passes every case: the proof that the task can be solved.
    pub reference: String,
    fixed: Vec<Case>,
    generators: Vec<(usize, Generate)>,
}

impl Task {
    /// A task whose answer is Python source that defines a function named like the task.
    ///
    /// # Panics
    ///
    /// If `id` is not a task id; suites are part of this crate, so a test finds that.
    pub fn code(id: &str, title: &str) -> Self {
        Self {
            id: id.parse().expect("a suite names its task properly"),
            title: title.to_owned(),
            prompt: String::new(),
            kind: Kind::Code { entry_point: id.to_owned() },
            limits: Limits::STANDARD,
            reference: String::new(),
            fixed: Vec::new(),
            generators: Vec::new(),
        }
    }

    /// What the agent is told.
    #[must_use]
    pub fn prompt(mut self, prompt: &str) -> Self {
        prompt.trim().clone_into(&mut self.prompt);
        self
    }

    /// A correct answer.
    #[must_use]
    pub fn reference(mut self, source: &str) -> Self {
        self.reference = format!("{}\n", source.trim());
        self
    }

    /// A public case: miners see it, and it stands in `GET /tasks`.
    #[must_use]
    pub fn example(mut self, args: impl Args, expected: impl Into<Check>) -> Self {
        let name = format!("example_{}", self.fixed.iter().filter(|case| case.public).count() + 1);
        self.fixed.push(Case {
            name,
            public: true,
            args: args.into_values(),
            check: expected.into(),
        });
        self
    }

    /// A hidden case with a name that says what it is about.
    #[must_use]
    pub fn case(mut self, name: &str, args: impl Args, expected: impl Into<Check>) -> Self {
        self.fixed.push(Case {
            name: name.to_owned(),
            public: false,
            args: args.into_values(),
            check: expected.into(),
        });
        self
    }

    /// `count` hidden cases, drawn afresh in every round from what `strategy` builds, with the truth computed by
    /// `oracle` here in Rust.
    #[must_use]
    pub fn generated<S, C>(
        mut self,
        count: usize,
        strategy: impl Fn() -> S + Send + Sync + 'static,
        oracle: impl Fn(&S::Value) -> C + Send + Sync + 'static,
    ) -> Self
    where
        S: Strategy,
        S::Value: Args,
        C: Into<Check>,
    {
        let generate = move |runner: &mut TestRunner, number: usize| {
            let drawn =
                strategy().new_tree(runner).expect("a suite's strategy rejects little").current();
            let check = oracle(&drawn).into();
            let name = format!("generated_{number}");
            Case { name, public: false, args: drawn.into_values(), check }
        };
        self.generators.push((count, Arc::new(generate)));
        self
    }

    /// The name that an answer must define.
    pub fn entry_point(&self) -> &str {
        let Kind::Code { entry_point } = &self.kind;
        entry_point
    }

    /// How many cases every round has.
    pub fn case_count(&self) -> usize {
        self.fixed.len() + self.generators.iter().map(|(count, _)| count).sum::<usize>()
    }

    /// The cases of the round with this seed: the fixed ones first, then the generated ones.
    pub fn cases(&self, seed: Seed) -> Vec<Case> {
        let mut cases = self.fixed.clone();
        let entropy = Sha256::of(format!("{seed}/{}", self.id).as_bytes());
        let key = &entropy.as_str().as_bytes()[..32];
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, key);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let mut number = 0;
        for (count, generate) in &self.generators {
            for _ in 0..*count {
                number += 1;
                cases.push(generate(&mut runner, number));
            }
        }
        cases
    }

    /// The digest of everything that decides a trial's verdict under this seed, except the agent.
    pub fn digest(&self, seed: Seed) -> Sha256 {
        let all = (&self.id, &self.prompt, &self.kind, &self.limits, self.cases(seed));
        Sha256::of(&serde_json::to_vec(&all).expect("a task is plain data"))
    }

    /// The side of the task that anybody may see.
    pub fn view(&self) -> TaskView {
        let example = |case: &Case| Example {
            call: call(self.entry_point(), &case.args),
            expected: case.check.to_string(),
        };
        TaskView {
            id: self.id.clone(),
            title: self.title.clone(),
            prompt: self.prompt.clone(),
            kind: self.kind.clone(),
            examples: self.fixed.iter().filter(|case| case.public).map(example).collect(),
            limits: self.limits,
        }
    }
}

/// A call as Python would write it: `reverse_string('abc')`.
pub(crate) fn call(entry_point: &str, args: &[Value]) -> String {
    let args: Vec<_> = args.iter().map(ToString::to_string).collect();
    format!("{entry_point}({})", args.join(", "))
}

impl Case {
    /// The case's call as Python would write it.
    pub fn call(&self, entry_point: &str) -> String {
        call(entry_point, &self.args)
    }
}

/// A public case, in words for people and language models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The call as Python would write it.
    pub call: String,
    /// What is expected of it.
    pub expected: String,
}

/// The public side of a task: what `GET /tasks` serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// Unique among the tasks.
    pub id: TaskId,
    /// A few words for people.
    pub title: String,
    /// What the agent is told, word for word.
    pub prompt: String,
    /// The form of the answer.
    #[serde(flatten)]
    pub kind: Kind,
    /// The public cases.
    pub examples: Vec<Example>,
    /// What a trial may use.
    pub limits: Limits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_parsed_once_and_strictly() {
        for right in ["a", "reverse_string", "x2", &"a".repeat(64)] {
            assert_eq!(right.parse::<TaskId>().unwrap().as_str(), right);
        }
        for wrong in ["", "A", "a-b", "a/b", "é", "a\n", &"a".repeat(65)] {
            assert!(wrong.parse::<TaskId>().is_err(), "{wrong:?} was accepted");
        }
    }

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
        assert_ne!(plain, task().prompt("Do it").digest(Seed(1)));
        assert_ne!(plain, task().case("more", ("a",), "a").digest(Seed(1)));
        let mut tighter = task();
        tighter.limits.call_cpu_ms -= 1;
        assert_ne!(plain, tighter.digest(Seed(1)));
    }

    #[test]
    fn the_public_side_shows_the_examples_and_no_other_case() {
        let task = Task::code("twice", "Twice")
            .example((2,), 4)
            .case("hidden", (77,), 154)
            .generated(1, || (4321_i64..4322,), |(n,)| n * 2);
        let view = serde_json::to_string(&task.view()).unwrap();
        assert!(view.contains("twice(2)"), "{view}");
        for hidden in ["77", "154", "4321", "8642"] {
            assert!(!view.contains(hidden), "{hidden} is in {view}");
        }
        assert_eq!(serde_json::from_str::<TaskView>(&view).unwrap(), task.view());
    }
}
