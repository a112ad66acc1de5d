//! The part of a task that can differ from round to round.

use crate::case::Case;

/// A wrong answer, which at least one case of every round must reject.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Short description of the mistake.
    pub name: String,
    /// The answer as an agent would print it.
    pub answer: String,
}

/// A task as one round asks it, without the generated cases. Only a listing differs between rounds.
#[derive(Clone, Default)]
pub(crate) struct TaskInstance {
    /// The prompt.
    pub prompt: String,
    /// A correct answer.
    pub reference: String,
    /// Wrong answers.
    pub mutants: Vec<Mutant>,
    /// The fixed cases.
    pub cases: Vec<Case>,
}
