//! Drawing cases from a seed, and shrinking one that an agent failed.
//!
//! All randomness of a round starts here, from a digest of the seed and the task's id: so a task's
//! cases do not depend on which other tasks there are.

use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::{Case, Sha256};

/// A source of randomness that depends on `label` alone.
pub(crate) fn runner(label: &str) -> TestRunner {
    let entropy = Sha256::of(label.as_bytes());
    let key = &entropy.as_str().as_bytes()[..32];
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, key))
}

type Draw = dyn Fn(&mut TestRunner, String) -> Box<dyn Drawn> + Send + Sync;

/// `count` cases of a strategy.
#[derive(Clone)]
pub(crate) struct Generator {
    pub count: usize,
    draw: Arc<Draw>,
}

impl Generator {
    /// Draws from `strategy`; `case` makes a case of a name and what was drawn.
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
            let drawn = strategy().new_tree(runner).expect("a suite's strategy rejects little");
            Box::new(Tree { name, drawn, case: Arc::clone(&case) })
        };
        Self { count, draw: Arc::new(draw) }
    }
}

/// Every case of `generators`, in order, as it was drawn.
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

struct Tree<T, F> {
    name: String,
    drawn: T,
    case: Arc<F>,
}

impl<T: ValueTree, F: Fn(String, T::Value) -> Case> Drawn for Tree<T, F> {
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

/// A generated case that can be made smaller, step by step. The truth is computed anew for each.
///
/// While the agent fails the present case, call [`simplify`](Self::simplify); when it passes, call
/// [`complicate`](Self::complicate); stop when either says `false`. The smallest failing case seen
/// is the counterexample.
///
/// ```
/// let task = tasks::find("reverse_string").unwrap();
/// let mut shrinker = task.shrinker(tasks::Seed(1), "generated_1").unwrap();
/// let before = shrinker.case().call("f").len();
/// // An agent that is wrong about everything:
/// while shrinker.simplify() {}
/// assert!(shrinker.case().call("f").len() < before);
/// ```
pub struct Shrinker(Box<dyn Drawn>);

impl Shrinker {
    /// The present case.
    pub fn case(&self) -> Case {
        self.0.case()
    }

    /// Makes the case smaller; `false` if it cannot be.
    pub fn simplify(&mut self) -> bool {
        self.0.simplify()
    }

    /// Takes back a part of the last step; `false` if nothing is left to try.
    pub fn complicate(&mut self) -> bool {
        self.0.complicate()
    }
}
