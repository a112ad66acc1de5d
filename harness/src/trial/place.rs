//! Which trial of a round: its agent, its task and its repetition, by their places in the plan.

/// A trial of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialPlace {
    /// The place of its task in the round
    pub task: usize,
    /// The number of the repetition, from 1
    pub repetition: u32,
}

/// A trial of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialSlot {
    /// The place of its agent in the round
    pub agent: usize,
    /// Which of the agent's trials
    pub place: TrialPlace,
}

/// The trials that each agent of a round has: every task with every repetition. They are numbered from 0, the first
/// repetition of all tasks before the second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundShape {
    /// Number of tasks
    pub tasks: usize,
    /// Number of repetitions
    pub repeat: u32,
}

impl RoundShape {
    /// The number of trials.
    pub const fn slots(self) -> usize {
        self.tasks * self.repeat as usize
    }

    /// The number of a trial.
    pub const fn slot(self, place: TrialPlace) -> usize {
        (place.repetition as usize - 1) * self.tasks + place.task
    }

    /// The trial with a number.
    pub fn place(self, slot: usize) -> TrialPlace {
        let repetition = u32::try_from(slot / self.tasks + 1).expect("repetitions are few");
        TrialPlace { task: slot % self.tasks, repetition }
    }

    /// All trials, in the order of their numbers.
    pub fn places(self) -> impl Iterator<Item = TrialPlace> {
        (0..self.slots()).map(move |slot| self.place(slot))
    }

    /// Returns whether there is such a trial.
    pub fn has(self, place: TrialPlace) -> bool {
        place.task < self.tasks && (1..=self.repeat).contains(&place.repetition)
    }
}
