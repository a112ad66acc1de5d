//! Drawing cases from a seed, and shrinking a case that an agent failed.
//!
//! All randomness of a round comes from here. It is derived from the seed and the task's id, so a task's cases
//! do not depend on the other tasks.

use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::case::Case;
use crate::digest::Sha256;

/// Creates a source of randomness that depends only on `label`.
pub(crate) fn runner(label: &str) -> TestRunner {
    let entropy = Sha256::of(label.as_bytes());
    let key = &entropy.as_str().as_bytes()[..32];
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, key))
}

type DrawFn = dyn Fn(&mut TestRunner, String) -> Box<dyn Drawn> + Send + Sync;

/// Draws `count` cases from a strategy.
#[derive(Clone)]
pub(crate) struct Generator {
    pub count: usize,
    draw: Arc<DrawFn>,
}

impl Generator {
    /// Creates a generator that draws from `strategy`; `case` converts a name and a drawn value to a case.
    pub fn new<S: Strategy>(
        count: usize,
        strategy: impl Fn() -> S + Send + Sync + 'static,
        case: impl Fn(String, S::Value) -> Case + Send + Sync + 'static,
    ) -> Self
    where
        S::Tree: 'static,
    {
        let case = Arc::new(case);
        let draw = move |runner: &mut TestRunner, name: String| -> Box<dyn Drawn> {
            let drawn =
                strategy().new_tree(runner).expect("strategies of the catalogue reject few values");
            Box::new(DrawnTree { name, drawn, case: Arc::clone(&case) })
        };
        Self { count, draw: Arc::new(draw) }
    }
}

/// Draws all cases of `generators`, in order.
pub(crate) fn draw_all(
    generators: &[Generator],
    mut runner: TestRunner,
) -> impl Iterator<Item = Shrinker> {
    let each = generators.iter().flat_map(|one| std::iter::repeat_n(one, one.count));
    each.zip(1..).map(move |(generator, number)| {
        Shrinker((generator.draw)(&mut runner, format!("generated_{number}")))
    })
}

trait Drawn {
    fn case(&self) -> Case;
    fn simplify(&mut self) -> bool;
    fn complicate(&mut self) -> bool;
}

struct DrawnTree<T, F> {
    name: String,
    drawn: T,
    case: Arc<F>,
}

impl<T: ValueTree, F: Fn(String, T::Value) -> Case> Drawn for DrawnTree<T, F> {
    fn case(&self) -> Case {
        (self.case)(self.name.clone(), self.drawn.current())
    }

    fn simplify(&mut self) -> bool {
        self.drawn.simplify()
    }

    fn complicate(&mut self) -> bool {
        self.drawn.complicate()
    }
}

/// A generated case that can be simplified step by step. The expected value is recomputed at each step.
///
/// While the agent fails the current case, call [`simplify`](Self::simplify); when it passes, call
/// [`complicate`](Self::complicate); stop when either returns `false`. The smallest failing case seen is the
/// counterexample.
///
/// ```
/// let task = tasks::find("reverse_string").unwrap();
/// let mut shrinker = task.shrinker(tasks::Seed(1), "generated_1").unwrap();
/// let before = shrinker.case().call("f").len();
/// // An agent that fails every case:
/// while shrinker.simplify() {}
/// assert!(shrinker.case().call("f").len() < before);
/// ```
pub struct Shrinker(Box<dyn Drawn>);

impl Shrinker {
    /// Returns the current case.
    pub fn case(&self) -> Case {
        self.0.case()
    }

    /// Simplifies the case; returns `false` if that is impossible.
    pub fn simplify(&mut self) -> bool {
        self.0.simplify()
    }

    /// Undoes a part of the last simplification; returns `false` if no candidates are left.
    pub fn complicate(&mut self) -> bool {
        self.0.complicate()
    }
}
