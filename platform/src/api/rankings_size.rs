//! How large a ranking can become, so that it is known before a round whether a platform will take it.

use tasks::TaskId;

/// The largest document that a platform accepts, in bytes, unless its operator has set another size: 10,000 agents on 62
/// tasks take about 60 MB.
pub const USUAL_MAX_DOCUMENT_BYTES: usize = 64 << 20;

/// Most bytes of an entry without its tasks: ids, digests, times, scores of families.
const ENTRY: usize = 1_200;
/// Most bytes of the score on a task, without the id of the task.
const TASK: usize = 66;
/// Most bytes of what a model cost on a task.
const COST: usize = 32;
/// Most bytes of the count of one of several trials.
const REPETITION: usize = 5;
/// Most bytes of a round without its tasks and faults.
const ROUND: usize = 4_096;

/// What decides the size of a ranking.
#[derive(Clone, Copy, Debug)]
pub struct RankingShape<'a> {
    /// Number of agents.
    pub agents: usize,
    /// The tasks of the round.
    pub tasks: &'a [TaskId],
    /// Trials of each agent on each task.
    pub repeat: u32,
    /// Whether agents may ask a model.
    pub has_model: bool,
}

impl RankingShape<'_> {
    /// Returns the size that a ranking hardly exceeds as JSON, in bytes.
    pub fn likely_bytes(&self) -> usize {
        let Self { agents, tasks, repeat, has_model } = *self;
        let cost = if has_model { COST } else { 0 };
        let repetitions = match repeat {
            0 | 1 => 0,
            several => {
                usize::try_from(several).unwrap_or(usize::MAX).saturating_mul(REPETITION) + 20
            }
        };
        let ids: usize = tasks.iter().map(|task| task.as_str().len()).sum();
        let scores = tasks.len().saturating_mul(TASK + cost + repetitions).saturating_add(ids);
        let entries = agents.saturating_mul(ENTRY.saturating_add(scores));
        entries.saturating_add(ROUND + ids + 4 * tasks.len())
    }
}
