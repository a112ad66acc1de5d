//! A benchmark problem as a task, with the expected values of its canonical solution.

use super::problem::{BenchmarkProblem, Expected, Tests};
use super::rules;
use crate::case::{Case, Input};
use crate::check::Check;
use crate::family::Family;
use crate::task::Task;
use crate::value::Value;

/// Name of the function that runs the assertions.
const ASSERTIONS: &str = "arena_assertions";
/// Size in bytes of its canonical form above which only the digest of an expected value is kept.
const LARGE_BYTES: u32 = 4096;
/// Memory of the container unless `--memory` names another size: as much as EvalPlus allows.
pub const MEMORY_BYTES: u64 = 4 << 30;
/// Wall-clock time of all calls of a trial, in milliseconds. The slowest problems of HumanEval+ take 6 s of CPU
/// time, and a busy machine may provide an eighth of a processor.
const CALLS_WALL_MS: u64 = 120_000;
/// Maximum size of an encoded value, in bytes. The largest values of HumanEval+ cross as digests.
const VALUE_BYTES: u64 = 16 << 20;
/// Maximum total size of a trial's encoded values, in bytes.
const VALUES_BYTES: u64 = 256 << 20;

impl BenchmarkProblem {
    /// Returns the inputs for the canonical solution, in the order of the cases. Large results are requested
    /// as digests if they are compared for equality only.
    pub fn inputs(&self) -> Vec<Input<'_>> {
        let digest_over = rules::is_equality(self).then_some(LARGE_BYTES);
        let input = |args| Input { args, steps: &[], digest_over };
        self.calls().map(|args| input(args.as_slice())).collect()
    }

    /// Returns the name of the case with this index: `base_3`, `plus_17`.
    pub fn case_name(&self, index: usize) -> String {
        match index.checked_sub(self.base_count()) {
            None => format!("base_{}", index + 1),
            Some(index) => format!("plus_{}", index + 1),
        }
    }

    /// Returns the problem as a task. `expected` holds the canonical solution's result for each of
    /// [`inputs`](Self::inputs). The cases of the original benchmark are public, the added ones are hidden.
    ///
    /// # Panics
    ///
    /// Panics if there is not exactly one result per input.
    pub fn task(&self, expected: Vec<Expected>) -> Task {
        let entry_point = match &self.tests {
            Tests::Inputs { .. } => &self.entry_point,
            Tests::Assertions(_) => ASSERTIONS,
        };
        let mut task = Task::class(Family::Benchmarks, self.id.as_str(), entry_point, &self.name)
            .asks(&format!(
                "Complete the Python function {} below. Answer with the whole source, imports included.\n\n{}",
                self.entry_point, self.prompt
            ))
            .solved_by(&self.canonical());
        task.limits.memory_bytes = MEMORY_BYTES;
        task.limits.calls_wall_ms = CALLS_WALL_MS;
        task.limits.calls_per_batch = u32::MAX;
        task.limits.value_bytes = VALUE_BYTES;
        task.limits.values_bytes = VALUES_BYTES;
        match &self.tests {
            Tests::Assertions(source) => {
                task.assertions = Some(assertions(source));
                task.fixed(case("assertions".to_owned(), false, Vec::new(), true.into()))
            }
            Tests::Inputs { base, atol, .. } => {
                assert_eq!(expected.len(), self.calls().count(), "one result per input");
                let calls = self.calls().zip(expected).enumerate();
                calls.fold(task, |task, (index, (args, expected))| {
                    let check = rules::check(self, args, expected, *atol);
                    let public = index < base.len();
                    task.fixed(case(self.case_name(index), public, args.clone(), check))
                })
            }
        }
    }
}

fn case(name: String, public: bool, args: Vec<Value>, check: Check) -> Case {
    Case { name, public, group: None, args, steps: Vec::new(), check }
}

/// The benchmark's assertions and a function that returns whether they hold.
fn assertions(source: &str) -> String {
    let source = Value::from(source);
    format!(
        "\n\n\ndef {ASSERTIONS}():\n    try:\n        exec({source}, globals())\n    except \
         AssertionError:\n        return False\n    return True\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::problem::Format;
    use crate::check::CallOutcome;
    use crate::digest::Sha256;
    use crate::id::Seed;
    use crate::value::Value;
    use crate::verdict::Verdict;

    fn problem(name: &str, entry_point: &str, base: &str, atol: f64) -> BenchmarkProblem {
        let line = format!(
            r#"{{"task_id": "{name}", "prompt": "def {entry_point}(a):\n", "entry_point": "{entry_point}",
            "canonical_solution": "    return a\n", "base_input": {base}, "plus_input": [], "atol": {atol}}}"#
        );
        BenchmarkProblem::parse(&line, Format::EvalPlus).unwrap()
    }

    /// Asserts the verdict on a returned value for the only input of a problem.
    fn check(
        problem: &BenchmarkProblem,
        expected: impl Into<Value>,
        got: impl Into<Value>,
        right: bool,
    ) {
        let task = problem.task(vec![Expected::Returned(expected.into())]);
        let [case] = &task.cases(Seed(0))[..] else { panic!("one case") };
        let got = CallOutcome::Returned(got.into());
        let verdict = case.check.judge(&got);
        assert_eq!(verdict == Verdict::Accepted, right, "{}: {got}", case.check);
    }

    #[test]
    fn tolerates_small_differences_of_floats_only() {
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
    fn find_zero_accepts_any_root() {
        let roots = problem("HumanEval/32", "find_zero", "[[[-6.0, 1.0, 1.0]]]", 1e-4);
        check(&roots, 2.0, 2.0, true);
        check(&roots, 2.0, -3.0, true);
        check(&roots, 2.0, 2, true);
        check(&roots, 2.0, 2.1, false);
        check(&roots, 2.0, f64::NAN, false);
        check(&roots, 2.0, "2", false);
        // Even the float nearest to the root is outside the tolerance, because the slope is so steep.
        let steep = problem("HumanEval/32", "find_zero", "[[[-1e18, 3e17]]]", 1e-4);
        check(&steep, 10.0 / 3.0, 10.0 / 3.0, true);
        check(&steep, 10.0 / 3.0, 3.333, false);
    }

    #[test]
    fn assertions_are_appended_and_called() {
        let line = r#"{"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f",
            "canonical_solution": "    return 1\n", "test": "def check(candidate):\n    assert candidate() == 1\n"}"#;
        let problem = BenchmarkProblem::parse(line, Format::HumanEval).unwrap();
        assert!(problem.inputs().is_empty());
        let task = problem.task(Vec::new());
        assert_eq!(task.entry_point(), "arena_assertions");
        let appended = task.assertions.as_deref().unwrap();
        assert!(appended.contains("def check(candidate):") && appended.contains("check(f)"));
        let plus = BenchmarkProblem::parse(line, Format::EvalPlus).unwrap_err();
        assert!(plus.to_string().contains("'humaneval:FILE'"), "{plus}");
    }

    #[test]
    fn large_results_are_requested_as_digests() {
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
        assert_eq!(cases[0].check.judge(&CallOutcome::Digest(digest)), Verdict::Accepted);
    }
}
