//! Where a submission stands, from what the store holds. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::api::{
    JudgedSubmission, ProgressState, Rankings, Round, RoundProgress, SubmissionOutcome,
    SubmissionStatus,
};
use crate::store::AgentMeta;

/// The latest rounds whose openings are looked at.
const ROUNDS: usize = 20;
/// The fewest rounds from which the next one is estimated.
const LEAST_ROUNDS: usize = 3;

/// What decides where a submission stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct SubmissionEvidence<'a> {
    /// The latest ranking.
    pub(super) latest: Option<&'a Rankings>,
    /// The ids of all rounds, sorted.
    pub(super) round_ids: &'a [String],
    /// The progress of the latest evaluation.
    pub(super) progress: Option<&'a RoundProgress>,
    /// The time.
    pub(super) now: Timestamp,
}

impl SubmissionEvidence<'_> {
    /// Returns where an agent stands.
    pub(super) fn status_of(&self, meta: &AgentMeta) -> SubmissionStatus {
        let judged_in = self.latest.and_then(|latest| judged_in(meta, latest));
        let is_judged = judged_in.as_ref().is_some_and(|judged| {
            judged.outcome != SubmissionOutcome::NotJudged
                && judged.agent_sha256.as_ref() == Some(&meta.sha256)
        });
        SubmissionStatus {
            miner_id: meta.miner_id.clone(),
            version: meta.version,
            sha256: meta.sha256.clone(),
            uploaded_at: meta.uploaded_at,
            withdrawn_at: meta.withdrawn_at,
            queued_since: (!is_judged && meta.withdrawn_at.is_none()).then_some(meta.uploaded_at),
            judged_in,
            running: self.is_running(meta),
            next_round_expected_at: next_round(self.round_ids, self.now),
        }
    }

    /// Returns whether the evaluation that runs now covers the current version. A frozen round covers only what was
    /// uploaded before it was opened.
    fn is_running(&self, meta: &AgentMeta) -> bool {
        let running = self.progress.filter(|progress| progress.state == ProgressState::Running);
        meta.withdrawn_at.is_none()
            && running.is_some_and(|progress| {
                let latest = self.latest.map(|latest| &latest.round);
                let frozen = latest.filter(|round| round.id == progress.round && round.frozen);
                meta.uploaded_at < frozen.map_or(progress.started_at, |round| round.opened_at)
            })
    }
}

/// What a ranking says about an agent.
fn judged_in(meta: &AgentMeta, latest: &Rankings) -> Option<JudgedSubmission> {
    let round = &latest.round;
    let nothing = JudgedSubmission {
        round: round.id.clone(),
        round_status: round.status,
        provisional: round.is_provisional(),
        outcome: SubmissionOutcome::NotJudged,
        rank: None,
        agents: latest.rankings.len() as u64,
        score: None,
        reward_tao: None,
        copy_of: None,
        version: None,
        agent_sha256: None,
    };
    let version_of = |sha256| {
        let earlier = meta.history.iter().rev().map(|earlier| (&earlier.sha256, earlier.version));
        let mut versions = [(&meta.sha256, meta.version)].into_iter().chain(earlier);
        versions.find(|(known, _)| *known == sha256).map(|(_, version)| version)
    };
    if let Some(place) = latest.rankings.iter().find(|place| place.miner_id == meta.miner_id) {
        return Some(JudgedSubmission {
            outcome: SubmissionOutcome::Ranked,
            rank: Some(place.rank),
            score: Some(place.score),
            reward_tao: Some(place.reward_tao.clone()),
            copy_of: place.copy_of.clone(),
            version: version_of(&place.agent_sha256),
            agent_sha256: Some(place.agent_sha256.clone()),
            ..nothing
        });
    }
    if let Some(stopped) = round.stopped.iter().find(|agent| agent.miner_id == meta.miner_id) {
        return Some(JudgedSubmission {
            outcome: SubmissionOutcome::Stopped,
            version: version_of(&stopped.agent_sha256),
            agent_sha256: Some(stopped.agent_sha256.clone()),
            ..nothing
        });
    }
    round.faults.iter().any(|fault| fault.miner_id == meta.miner_id).then_some(nothing)
}

/// Returns when the next round is expected: the median time between the openings of the latest rounds, which their ids
/// state, after the last one.
fn next_round(ids: &[String], now: Timestamp) -> Option<Timestamp> {
    let recent = &ids[ids.len().saturating_sub(ROUNDS)..];
    let opened: Vec<_> = recent.iter().filter_map(|id| Round::opened_in(id)).collect();
    if opened.len() < LEAST_ROUNDS {
        return None;
    }
    let mut between: Vec<SignedDuration> =
        opened.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect();
    between.sort();
    let usual = between[between.len() / 2];
    let expected = opened.last()?.checked_add(usual).ok()?;
    (now.duration_since(expected) <= usual).then_some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_round_is_estimated_from_the_openings_of_the_latest_ones() {
        let check = |ids: &[&str], now: &str, expected: Option<&str>| {
            let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
            let expected = expected.map(|time| time.parse().unwrap());
            assert_eq!(next_round(&ids, now.parse().unwrap()), expected, "{ids:?} at {now}");
        };
        let daily = [
            "20260101T120000Z-a",
            "20260102T120000Z-b",
            "20260103T130000Z-c",
            "20260104T130000Z-d",
        ];
        check(&daily, "2026-01-04T14:00:00Z", Some("2026-01-05T13:00:00Z"));
        check(&daily[..2], "2026-01-02T14:00:00Z", None);
        // It is late, but not so late that the schedule is over.
        check(&daily, "2026-01-06T12:00:00Z", Some("2026-01-05T13:00:00Z"));
        check(&daily, "2026-01-06T14:00:00Z", None);
        check(&["one", "two", "three", "four"], "2026-01-01T00:00:00Z", None);
    }
}
