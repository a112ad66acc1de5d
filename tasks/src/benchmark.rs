//! Problems of public benchmarks, read from the files in which they are published: HumanEval+ and MBPP+ as
//! EvalPlus releases them, and the original HumanEval.
//!
//! EvalPlus gives inputs and a canonical solution, so expected values come from running that solution,
//! which is the harness's to do in a container that no candidate ever sees. What is right follows the data
//! set's own rules; [`rules`] has those of single problems. The original HumanEval has assertions in
//! Python and no values: they must run beside the answer, so their verdict is advisory.
//!
//! ```
//! use tasks::benchmark::{Expected, Format, Problem};
//!
//! let line = r#"{"task_id": "HumanEval/900", "prompt": "def double(n):\n", "entry_point": "double",
//!     "canonical_solution": "    return 2 * n\n", "base_input": [[2]], "plus_input": [[-1]], "atol": 0}"#;
//! let problem = Problem::parse(line, Format::EvalPlus).unwrap();
//! let expected = vec![Expected::Returned(4.into()), Expected::Returned((-2).into())];
//! let task = problem.task(expected);
//! assert_eq!(task.id.as_str(), "humaneval_900");
//! assert_eq!(task.case_count(), 2);
//! ```

mod inputs;
mod rules;

use serde::{Deserialize, Serialize};

use crate::{Case, Check, Family, Input, NotJson, Sha256, Task, TaskId, Value};

/// The name under which assertions are called.
const ASSERTIONS: &str = "arena_assertions";
/// Over how many bytes of its canonical form an expected value is kept as a digest alone.
const LARGE_BYTES: u32 = 4096;
/// Wall-clock time for all calls of a trial, in milliseconds. The slowest problems of HumanEval+ take 6 s of a
/// processor, and a crowded machine may give them an eighth of one.
const CALLS_WALL_MS: u64 = 120_000;
/// Largest encoded value of one call, in bytes. The largest of HumanEval+ cross as digests.
const VALUE_BYTES: u64 = 16 << 20;
/// Largest sum of a trial's encoded values, in bytes.
const VALUES_BYTES: u64 = 256 << 20;

/// In which form a file holds its problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Inputs and a canonical solution: HumanEval+ and MBPP+
    EvalPlus,
    /// A canonical solution and assertions: the original HumanEval
    HumanEval,
}

/// One problem of a benchmark.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Its name in the benchmark, such as `HumanEval/32`
    pub name: String,
    /// Its name as a task, such as `humaneval_32`
    pub id: TaskId,
    /// What a model is to complete: the head of a function
    pub prompt: String,
    /// The function's name
    pub entry_point: String,
    /// What completes the prompt
    pub canonical_solution: String,
    /// What the problem is judged by
    pub tests: Tests,
}

/// What a problem is judged by.
#[derive(Clone, Debug)]
pub enum Tests {
    /// Calls whose results are compared with those of the canonical solution
    Inputs {
        /// The arguments of each call of the original benchmark
        base: Vec<Vec<Value>>,
        /// The arguments of each call that EvalPlus added
        plus: Vec<Vec<Value>>,
        /// Largest difference of numbers; 0 for none, except between floats
        atol: f64,
    },
    /// Python source that defines `check(candidate)`
    Assertions(String),
}

/// The result of the canonical solution for one input.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The value
    Returned(Value),
    /// The digest of the canonical form of a large value
    Digest(Sha256),
}

/// A line that holds no problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemError {
    /// It is not JSON.
    #[error(transparent)]
    NotJson(#[from] NotJson),
    /// A field is missing or of the wrong type.
    #[error("'{field}' is missing or is no {wanted}")]
    Field {
        /// The field
        field: &'static str,
        /// What it must be
        wanted: &'static str,
    },
    /// A task cannot be named like this.
    #[error("'{0}' cannot name a task: letters, digits, '_' and '/' are wanted")]
    Name(String),
    /// Nothing would be judged.
    #[error("'base_input' of {0} is empty, so that every answer would pass")]
    NoInput(String),
    /// An input is not of the form that the benchmark states for this problem.
    #[error("an input of {0} is not of the form that this problem's inputs have")]
    Input(String),
}

impl Problem {
    /// Reads a line of a benchmark's file.
    pub fn parse(line: &str, format: Format) -> Result<Self, ProblemError> {
        let record = Value::from_python_json(line)?;
        let text = |field: &'static str| match record.get(field) {
            Some(Value::Str(text)) => Ok(text.clone()),
            _ => Err(ProblemError::Field { field, wanted: "text" }),
        };
        let name = text("task_id")?;
        let id = name.to_ascii_lowercase().replace('/', "_");
        let id = id.parse().map_err(|_| ProblemError::Name(name.clone()))?;
        let tests = match format {
            Format::HumanEval => Tests::Assertions(text("test")?),
            Format::EvalPlus => Tests::Inputs {
                base: match inputs::read(&record, "base_input", &name)? {
                    none if none.is_empty() => return Err(ProblemError::NoInput(name)),
                    base => base,
                },
                plus: inputs::read(&record, "plus_input", &name)?,
                atol: atol(&record)?,
            },
        };
        Ok(Self {
            id,
            prompt: text("prompt")?,
            entry_point: text("entry_point")?,
            canonical_solution: text("canonical_solution")?,
            tests,
            name,
        })
    }

    /// The whole answer that a completion of the prompt makes.
    pub fn completed(&self, completion: &str) -> String {
        format!("{}{completion}", self.prompt)
    }

    /// The canonical solution as a whole answer.
    pub fn canonical(&self) -> String {
        self.completed(&self.canonical_solution)
    }

    /// What the canonical solution is to be called with, in the order of the cases. Results that are large
    /// are asked for as digests, where nothing but equality is asked of them.
    pub fn inputs(&self) -> Vec<Input<'_>> {
        let digest_over = rules::wants_equality(self).then_some(LARGE_BYTES);
        let input = |args| Input { args, steps: &[], digest_over };
        self.calls().map(|args| input(args.as_slice())).collect()
    }

    /// The problem as a task like any other, by what its canonical solution returned for each of
    /// [`inputs`](Self::inputs). The benchmark's own cases are public, the added ones are not.
    ///
    /// # Panics
    ///
    /// If there is not one result for each input.
    pub fn task(&self, expected: Vec<Expected>) -> Task {
        let entry_point = match &self.tests {
            Tests::Inputs { .. } => &self.entry_point,
            Tests::Assertions(_) => ASSERTIONS,
        };
        let mut task = Task::benchmark(&self.id, &self.name, entry_point)
            .asks(&format!(
                "Complete the Python function {} below. Answer with the whole source, imports included.\n\n{}",
                self.entry_point, self.prompt
            ))
            .solved_by(&self.canonical());
        task.limits.calls_wall_ms = CALLS_WALL_MS;
        task.limits.value_bytes = VALUE_BYTES;
        task.limits.values_bytes = VALUES_BYTES;
        match &self.tests {
            Tests::Assertions(source) => {
                task.assertions = Some(assertions(source, &self.entry_point));
                task.fixed(case("assertions".to_owned(), false, Vec::new(), true.into()))
            }
            Tests::Inputs { base, atol, .. } => {
                assert_eq!(expected.len(), self.calls().count(), "a result for each input");
                let calls = self.calls().zip(expected).enumerate();
                calls.fold(task, |task, (index, (args, expected))| {
                    let check = rules::check(self, args, expected, *atol);
                    let public = index < base.len();
                    let name = if public {
                        format!("base_{}", index + 1)
                    } else {
                        format!("plus_{}", index + 1 - base.len())
                    };
                    task.fixed(case(name, public, args.clone(), check))
                })
            }
        }
    }

    /// How many of the task's cases are the benchmark's own; they come first.
    pub fn base_count(&self) -> usize {
        match &self.tests {
            Tests::Inputs { base, .. } => base.len(),
            Tests::Assertions(_) => 1,
        }
    }

    /// The same problem without the cases that were added to the benchmark.
    #[must_use]
    pub fn base_only(mut self) -> Self {
        if let Tests::Inputs { plus, .. } = &mut self.tests {
            plus.clear();
        }
        self
    }

    fn calls(&self) -> impl Iterator<Item = &Vec<Value>> {
        let (base, plus) = match &self.tests {
            Tests::Inputs { base, plus, .. } => (base.as_slice(), plus.as_slice()),
            Tests::Assertions(_) => (&[][..], &[][..]),
        };
        base.iter().chain(plus)
    }
}

impl Task {
    /// A task that comes from a benchmark's file.
    pub(crate) fn benchmark(id: &TaskId, title: &str, entry_point: &str) -> Self {
        let mut task = Self::code(Family::Benchmarks, id.as_str(), title);
        task.kind = crate::Kind::Code { entry_point: entry_point.to_owned() };
        task
    }
}

fn case(name: String, public: bool, args: Vec<Value>, check: Check) -> Case {
    Case { name, public, args, steps: Vec::new(), check }
}

/// The benchmark's assertions, and a function that says whether they hold.
fn assertions(source: &str, entry_point: &str) -> String {
    format!(
        "\n\n{source}\n\ndef {ASSERTIONS}():\n    try:\n        check({entry_point})\n    except \
         AssertionError:\n        return False\n    return True\n"
    )
}

fn atol(record: &Value) -> Result<f64, ProblemError> {
    match record.get("atol") {
        None | Some(Value::None) => Ok(0.0),
        Some(Value::Float(atol)) if *atol >= 0.0 => Ok(*atol),
        Some(Value::Int(int)) if *int == 0.into() => Ok(0.0),
        _ => Err(ProblemError::Field { field: "atol", wanted: "number from 0 up" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Outcome, Seed, Verdict};

    fn problem(name: &str, entry_point: &str, base: &str, atol: f64) -> Problem {
        let line = format!(
            r#"{{"task_id": "{name}", "prompt": "def {entry_point}(a):\n", "entry_point": "{entry_point}",
            "canonical_solution": "    return a\n", "base_input": {base}, "plus_input": [], "atol": {atol}}}"#
        );
        Problem::parse(&line, Format::EvalPlus).unwrap()
    }

    /// The verdict on a returned value, for the only input of a problem.
    fn check(problem: &Problem, expected: impl Into<Value>, got: impl Into<Value>, right: bool) {
        let task = problem.task(vec![Expected::Returned(expected.into())]);
        let [case] = &task.cases(Seed(0))[..] else { panic!("one case") };
        let got = Outcome::Returned(got.into());
        let verdict = case.check.judge(&got);
        assert_eq!(verdict == Verdict::Accepted, right, "{}: {got}", case.check);
    }

    #[test]
    fn floats_may_differ_a_little_and_nothing_else_may() {
        let plain = problem("HumanEval/901", "f", "[[1]]", 0.0);
        check(&plain, 1.0, 1.000_000_5, true);
        check(&plain, 1.0, 1.000_01, false);
        check(&plain, 1, 1.0, true);
        check(&plain, 1_000_000_000, 1_000_000_001, false);
        check(&plain, 1.5, Value::None, false);
        check(&plain, vec![0.1 + 0.2, 1.0], vec![0.3, 1.0], true);
        check(&plain, vec![0.1 + 0.2], vec![0.3, 1.0], false);
        check(&plain, vec![0.5], (0.500_000_1,), false);
        check(
            &plain,
            Value::List(vec![0.5.into(), 1.into()]),
            Value::List(vec![0.500_000_1.into(), 1.into()]),
            false,
        );
        check(&plain, f64::NAN, f64::NAN, true);
        let tolerant = problem("HumanEval/902", "f", "[[1]]", 0.01);
        check(&tolerant, 100.0, 100.005, true);
        check(&tolerant, 100.0, 100.5, false);
        check(&tolerant, "a", "b", false);
    }

    #[test]
    fn any_root_of_the_polynomial_is_right() {
        let roots = problem("HumanEval/32", "find_zero", "[[[-6.0, 1.0, 1.0]]]", 1e-4);
        check(&roots, 2.0, 2.0, true);
        check(&roots, 2.0, -3.0, true);
        check(&roots, 2.0, 2, true);
        check(&roots, 2.0, 2.1, false);
        check(&roots, 2.0, f64::NAN, false);
        check(&roots, 2.0, "2", false);
        // So steep that the nearest float to the root is not within the tolerance.
        let steep = problem("HumanEval/32", "find_zero", "[[[-1e18, 3e17]]]", 1e-4);
        check(&steep, 10.0 / 3.0, 10.0 / 3.0, true);
        check(&steep, 10.0 / 3.0, 3.333, false);
    }

    #[test]
    fn assertions_are_appended_and_called() {
        let line = r#"{"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f",
            "canonical_solution": "    return 1\n", "test": "def check(candidate):\n    assert candidate() == 1\n"}"#;
        let problem = Problem::parse(line, Format::HumanEval).unwrap();
        assert!(problem.inputs().is_empty());
        let task = problem.task(Vec::new());
        assert_eq!(task.entry_point(), "arena_assertions");
        let appended = task.assertions.as_deref().unwrap();
        assert!(appended.contains("def check(candidate):") && appended.contains("check(f)"));
        let plus = Problem::parse(line, Format::EvalPlus).unwrap_err();
        assert_eq!(plus.to_string(), "'base_input' is missing or is no list of lists of arguments");
    }

    #[test]
    fn only_the_inputs_cross_and_large_results_are_asked_for_as_digests() {
        let problem = problem("HumanEval/903", "f", "[[1], [[2, 3]]]", 0.0);
        let wire = serde_json::to_string(&problem.inputs()).unwrap();
        assert_eq!(
            wire,
            r#"[{"args":[1],"digest_over":4096},{"args":[[2,3]],"digest_over":4096}]"#
        );
        let digest = Sha256::of(b"large");
        let task =
            problem.task(vec![Expected::Digest(digest.clone()), Expected::Returned(1.into())]);
        let cases = task.cases(Seed(0));
        let wire: Vec<_> =
            cases.iter().map(|case| serde_json::to_string(&case.input()).unwrap()).collect();
        assert_eq!(wire, [r#"{"args":[1],"digest_over":0}"#, r#"{"args":[[2,3]]}"#]);
        assert_eq!(cases[0].check.judge(&Outcome::Digest(digest)), Verdict::Accepted);
    }

    #[test]
    fn a_line_that_is_no_problem_is_refused_with_the_reason() {
        for (line, reason) in [
            ("{", "it is not JSON at byte 1: a key is wanted there"),
            ("{}", "'task_id' is missing or is no text"),
            (
                r#"{"task_id": "Größe/1"}"#,
                "'Größe/1' cannot name a task: letters, digits, '_' and '/' are wanted",
            ),
        ] {
            assert_eq!(Problem::parse(line, Format::EvalPlus).unwrap_err().to_string(), reason);
        }
    }
}
