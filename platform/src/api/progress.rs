//! How far the evaluation of a round has come.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far the evaluation of a round has come. It names no agent, and nothing in it depends on the seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "round": "20260101T120000Z-5eed0007", "started_at": "2026-01-01T12:00:10Z",
    "updated_at": "2026-01-01T12:00:50Z", "trials_done": 312, "trials_total": 620, "cached": 62,
    "faults": 0, "agents_done": 4, "agents_total": 10, "state": "running"
}))))]
pub struct RoundProgress {
    /// The id of the round.
    #[cfg_attr(feature = "server", schema(pattern = "^[0-9A-Za-z-]{1,64}$"))]
    pub round: String,
    /// When this evaluation of the round began.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub started_at: Timestamp,
    /// When these figures were written.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
    /// Trials that have a verdict or ended in a fault, and those of agents that were stopped.
    pub trials_done: u64,
    /// All trials. Zero until the controls have proved the tasks.
    pub trials_total: u64,
    /// Trials whose record is from an earlier evaluation.
    pub cached: u64,
    /// Trials that ended in a fault.
    pub faults: u64,
    /// Agents of which no trial is left.
    pub agents_done: u64,
    /// All agents.
    pub agents_total: u64,
    /// Whether the evaluation goes on.
    pub state: ProgressState,
}

/// Whether an evaluation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProgressState {
    /// Trials are run.
    Running,
    /// All trials are done.
    Finished,
    /// It ended early: it was interrupted, or it failed.
    Stopped,
}

impl RoundProgress {
    /// An evaluation that was not heard of for longer than this counts as stopped: while trials run, its progress is
    /// written every second.
    pub const STALE: SignedDuration = SignedDuration::from_secs(60);

    /// Returns the progress that arrives at `now`, in the time of the machine that it arrives at, or a sentence on what is
    /// impossible about it.
    pub fn received_at(self, now: Timestamp) -> Result<Self, String> {
        let elapsed = self.updated_at.duration_since(self.started_at);
        let Ok(started_at) = now.checked_sub(elapsed) else {
            return Err("`started_at` is too long ago".to_owned());
        };
        if elapsed.is_negative() {
            return Err("`updated_at` is before `started_at`".to_owned());
        }
        if self.trials_done > self.trials_total || self.agents_done > self.agents_total {
            return Err("more trials or agents are done than there are".to_owned());
        }
        if self.cached > self.trials_done || self.faults > self.trials_done {
            return Err("more trials have a record or a fault than are done".to_owned());
        }
        Ok(Self { started_at, updated_at: now, ..self })
    }

    /// Returns the progress as it is to be understood at `now`: a stale one has stopped.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let stale = now.duration_since(self.updated_at) > Self::STALE;
        match self.state {
            ProgressState::Running if stale => Self { state: ProgressState::Stopped, ..self },
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProgressState::{Finished, Running, Stopped};
    use super::*;

    #[test]
    fn running_evaluation_that_is_silent_for_a_minute_has_stopped() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let progress = |state| RoundProgress {
            round: "20260101T120000Z-5eed0007".to_owned(),
            started_at: at("2026-01-01T12:00:00Z"),
            updated_at: at("2026-01-01T12:01:00Z"),
            trials_done: 1,
            trials_total: 2,
            cached: 0,
            faults: 0,
            agents_done: 0,
            agents_total: 1,
            state,
        };
        for (state, now, expected) in [
            (Running, "2026-01-01T12:02:00Z", Running),
            (Running, "2026-01-01T12:02:01Z", Stopped),
            (Finished, "2026-01-02T12:00:00Z", Finished),
            (Stopped, "2026-01-01T12:01:00Z", Stopped),
        ] {
            assert_eq!(progress(state).at(at(now)).state, expected, "{state:?} at {now}");
        }
    }
}
