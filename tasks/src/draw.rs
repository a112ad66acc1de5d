//! Drawing cases from a seed, and shrinking a case that an agent failed.
//!
//! All randomness of a round's cases comes from here. It is derived from the seed and the task's id, so a task's cases
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

/// Draws cases of one or several kinds.
#[derive(Clone)]
pub(crate) struct Generator {
    /// Cases per kind, or per group if the task has groups
    pub count: usize,
    kinds: Vec<Arc<DrawFn>>,
}

impl Generator {
    /// Creates a generator of `count` cases of each kind that is added.
    pub fn new(count: usize) -> Self {
        Self { count, kinds: Vec::new() }
    }

    /// Adds a kind that is drawn from `strategy`; `case` converts a name and a drawn value to a case.
    #[must_use]
    pub fn kind<S: Strategy>(
        mut self,
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
        self.kinds.push(Arc::new(draw));
        self
    }

    /// The number of cases of a round without groups.
    pub fn total(&self) -> usize {
        self.count * self.kinds.len()
    }
}

/// What a round draws.
#[derive(Clone, Copy)]
pub(crate) struct DrawPlan<'a> {
    pub generators: &'a [Generator],
    /// Number of groups. Each has `count` cases of every generator, which takes its kinds in turn
    pub groups: Option<usize>,
}

impl DrawPlan<'_> {
    /// The draw of each case with the number of its group, from 1.
    fn draws(&self) -> Vec<(Option<usize>, Arc<DrawFn>)> {
        let mut draws = Vec::new();
        match self.groups {
            None => {
                for generator in self.generators {
                    let kinds = generator.kinds.iter();
                    let each = kinds.flat_map(|kind| std::iter::repeat_n(kind, generator.count));
                    draws.extend(each.map(|kind| (None, Arc::clone(kind))));
                }
            }
            Some(groups) => {
                for group in 0..groups {
                    for Generator { count, kinds } in self.generators {
                        let turns = group * count..(group + 1) * count;
                        let kinds = turns.map(|turn| Arc::clone(&kinds[turn % kinds.len()]));
                        draws.extend(kinds.map(|kind| (Some(group + 1), kind)));
                    }
                }
            }
        }
        draws
    }

    /// Draws all cases, in order.
    pub fn draw_all(self, mut runner: TestRunner) -> impl Iterator<Item = Shrinker> {
        self.draws().into_iter().zip(1..).map(move |((group, draw), number)| Shrinker {
            drawn: draw(&mut runner, format!("generated_{number}")),
            group: group.map(|group| format!("group_{group}")),
        })
    }
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
pub struct Shrinker {
    drawn: Box<dyn Drawn>,
    group: Option<String>,
}

impl Shrinker {
    /// Returns the current case.
    pub fn case(&self) -> Case {
        Case { group: self.group.clone(), ..self.drawn.case() }
    }

    /// Simplifies the case; returns `false` if that is impossible.
    pub fn simplify(&mut self) -> bool {
        self.drawn.simplify()
    }

    /// Undoes a part of the last simplification; returns `false` if no candidates are left.
    pub fn complicate(&mut self) -> bool {
        self.drawn.complicate()
    }
}
