//! Past rounds under another payout: what they would have paid.

use std::collections::BTreeMap;

use platform::MinerId;
use platform::api::{Gate, Rankings, Rao};
use serde::Serialize;
use tasks::TaskId;

use crate::scoring::gate::GateHistory;
use crate::scoring::rank::{Contender, RankRules, ScoredTask, pay};
use crate::scoring::reward::RewardPolicy;

/// A closed round under another payout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayedRound {
    /// The round's id
    pub round: String,
    /// What it paid, in units of 1e-9 'TAO'
    pub paid: BTreeMap<MinerId, u64>,
    /// What it would have paid
    pub replayed: BTreeMap<MinerId, u64>,
    /// Who would have held the first place, and why, with the payout `gated`
    pub gate: Option<Gate>,
}

/// Computes what closed rounds, oldest first, would have paid. The holder of the first place follows from the rounds
/// before. `pool` replaces the pool of each round, and `task` returns what is known of a task.
pub fn replay(
    rounds: &[Rankings],
    policy: RewardPolicy,
    pool: Option<Rao>,
    task: impl Fn(&TaskId) -> Option<ScoredTask>,
) -> Vec<ReplayedRound> {
    // Each round as it would have been, so that the next one finds its holder.
    let mut past = Vec::<Rankings>::new();
    let mut replayed = Vec::new();
    for rankings in rounds {
        let version = |miner_id: &MinerId| {
            let ranking = rankings.rankings.iter().find(|r| r.miner_id == *miner_id)?;
            Some(ranking.agent_sha256.clone())
        };
        let round = &rankings.round;
        let history = GateHistory::collect(&past, &round.tasks, version);
        let pool = pool.or_else(|| round.pool_tao.parse().ok()).unwrap_or(policy.pool);
        let rules = RankRules {
            tasks: &round.tasks.iter().filter_map(&task).collect::<Vec<_>>(),
            repeat: round.repeat,
            commitment: &round.commitment,
            reward: RewardPolicy { pool, ..policy },
            history: &history,
        };
        let paid = pay(rankings.rankings.iter().map(Contender::of_ranking).collect(), &rules);
        let rewards: BTreeMap<_, _> = paid
            .placed
            .iter()
            .map(|agent| (agent.contender.miner_id.clone(), agent.reward.0))
            .collect();
        let mut next = rankings.clone();
        next.round.gate.clone_from(&paid.gate);
        for ranking in &mut next.rankings {
            ranking.reward_rao = rewards.get(&ranking.miner_id).copied().unwrap_or_default();
        }
        past.push(next);
        replayed.push(ReplayedRound {
            round: round.id.clone(),
            paid: rankings.rankings.iter().map(|r| (r.miner_id.clone(), r.reward_rao)).collect(),
            replayed: rewards,
            gate: paid.gate,
        });
    }
    replayed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scoring::reward::{Alpha, Payout};

    /// A closed round of two agents with these scores on six tasks, all of whose pool the first one earned.
    fn round(day: u32, agents: &[(&str, [u32; 6])]) -> Rankings {
        let date = format!("2026-01-0{day}T00:00:00Z");
        let ranking = |(index, (name, points)): (usize, &(&str, [u32; 6]))| {
            let task = |(index, points): (usize, &u32)| {
                let score =
                    json!({"verdict": "WA", "score": points, "passed": points, "total": 100});
                (format!("task_{index}"), score)
            };
            json!({
                "rank": index + 1, "miner_id": name, "agent_sha256": tasks::Sha256::of(name.as_bytes()),
                "score": points.iter().sum::<u32>() / 6, "group": "a", "reward_tao": "1",
                "reward_rao": if index == 0 { 1_000_000_000 } else { 0 }, "copy_of": null,
                "tasks": points.iter().enumerate().map(task).collect::<serde_json::Map<_, _>>(),
                "uploaded_at": "2026-01-01T00:00:00Z", "first_submitted_at": "2026-01-01T00:00:00Z",
            })
        };
        let rankings: Vec<_> = agents.iter().enumerate().map(ranking).collect();
        serde_json::from_value(json!({
            "round": {
                "id": format!("round-{day}"), "status": "closed", "seed": day, "salt": "ab",
                "commitment": tasks::Sha256::of(date.as_bytes()), "opened_at": date, "listed_at": date,
                "finished_at": date, "image": "x", "isolation": "agent", "pool_tao": "1",
                "tasks": (0..6).map(|index| format!("task_{index}")).collect::<Vec<_>>(),
                "payout": "winner-takes-all", "alpha": 0.05, "trials": 12, "faults": [],
            },
            "rankings": rankings,
        }))
        .unwrap()
    }

    fn check(payout: Payout, pool: Option<Rao>, holders: &[(&str, u64)]) {
        let close = [60, 60, 60, 60, 60, 50];
        let rounds = [
            round(1, &[("a", [50; 6]), ("b", [50; 6])]),
            round(2, &[("b", close), ("a", [50; 6])]),
            // Together with the round before, this is enough.
            round(3, &[("b", [60; 6]), ("a", [50; 6])]),
        ];
        let policy = RewardPolicy { pool: Rao(7), payout, alpha: Alpha::default() };
        let replayed = replay(&rounds, policy, pool, |_| None);
        let holder = |round: &ReplayedRound| {
            let paid = round.replayed.iter().find(|(_, rao)| **rao > 0).unwrap();
            (paid.0.to_string(), *paid.1)
        };
        let expected: Vec<_> =
            holders.iter().map(|(name, rao)| ((*name).to_owned(), *rao)).collect();
        assert_eq!(replayed.iter().map(holder).collect::<Vec<_>>(), expected);
        assert_eq!(replayed[1].paid["b".parse::<MinerId>().as_ref().unwrap()], 1_000_000_000);
    }

    #[test]
    fn only_closed_rounds_of_the_same_tasks_have_an_incumbent() {
        let closed = round(1, &[("a", [50; 6])]);
        let mut open = closed.clone();
        open.round.status = platform::api::RoundStatus::Open;
        let tasks = closed.round.tasks.clone();
        let incumbent = |round: &Rankings, tasks: &[TaskId]| {
            let history = GateHistory::collect(std::slice::from_ref(round), tasks, |_| None);
            history.incumbent.map(|miner_id| miner_id.to_string())
        };
        assert_eq!(incumbent(&closed, &tasks).as_deref(), Some("a"));
        assert_eq!(incumbent(&closed, &tasks[..5]), None);
        assert_eq!(incumbent(&open, &tasks), None);
    }

    #[test]
    fn first_place_follows_from_the_replayed_rounds_before() {
        let tao = 1_000_000_000;
        check(Payout::WinnerTakesAll, None, &[("a", tao), ("b", tao), ("b", tao)]);
        check(Payout::Gated, None, &[("a", tao), ("a", tao), ("b", tao)]);
        check(Payout::Gated, Some(Rao(5)), &[("a", 5), ("a", 5), ("b", 5)]);
    }
}
