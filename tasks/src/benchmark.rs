//! Problems of public benchmarks, read from their published files: HumanEval+ and MBPP+ as EvalPlus releases
//! them, the original HumanEval, and the original MBPP.
//!
//! EvalPlus provides inputs and a canonical solution; the harness computes the expected values by running that
//! solution in a container that no candidate uses. Results are compared by the data set's own rules. The
//! original benchmarks have assertions in Python instead of values; they run in the same process as the answer,
//! so their verdict is advisory.
//!
//! ```
//! use tasks::benchmark::{BenchmarkProblem, Expected, Format};
//!
//! let line = r#"{"task_id": "HumanEval/900", "prompt": "def double(n):\n", "entry_point": "double",
//!     "canonical_solution": "    return 2 * n\n", "base_input": [[2]], "plus_input": [[-1]], "atol": 0}"#;
//! let problem = BenchmarkProblem::parse(line, Format::EvalPlus).unwrap();
//! let expected = vec![Expected::Returned(4.into()), Expected::Returned((-2).into())];
//! let task = problem.task(expected);
//! assert_eq!(task.id.as_str(), "humaneval_900");
//! assert_eq!(task.case_count(), 2);
//! ```

mod error;
mod inputs;
mod problem;
mod rules;
mod task;

pub use error::ProblemError;
pub use problem::{BenchmarkProblem, Expected, Format, Tests};
pub use task::MEMORY_BYTES;
