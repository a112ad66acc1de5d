//! The payout `gated`: the holder of the first place earns the pool, and the place changes hands only by evidence.
//!
//! A challenger must lead the incumbent over this and earlier rounds, by more than equally good agents would with a
//! probability of alpha. The probability of each challenger is multiplied by their number (Bonferroni), so that sending
//! many agents does not help. It is one place because any second place that pays could be taken by the same miner with
//! a second agent.

use std::collections::BTreeSet;

use platform::MinerId;
use platform::api::{Challenger, EarlierScores, Gate, Rankings, RoundStatus};
use tasks::{Sha256, TaskId};

use crate::scoring::score::two_decimals;
use crate::scoring::uncertainty::{RoundEvidence, Scores};

/// Most earlier rounds that count.
const MAX_EARLIER: usize = 20;

/// What earlier rounds say about the agents of a round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GateHistory {
    /// Who held the first place
    pub incumbent: Option<MinerId>,
    /// The scores of agents that have the same version now, oldest round first
    pub earlier: Vec<EarlierScores>,
}

/// An agent as the gate sees it.
pub(crate) struct GateContestant {
    pub miner_id: MinerId,
    pub score: f64,
    pub is_copy: bool,
    pub tasks: Scores,
}

impl GateHistory {
    /// Collects what closed rounds, oldest first, say about the agents of a round with these tasks. `versions` returns
    /// the present version of an agent.
    pub fn collect(
        rounds: &[Rankings],
        tasks: &[TaskId],
        versions: impl Fn(&MinerId) -> Option<Sha256>,
    ) -> Self {
        let tasks: BTreeSet<_> = tasks.iter().collect();
        let same = |rankings: &&Rankings| {
            let round = &rankings.round;
            let closed = round.status == RoundStatus::Closed;
            closed && round.tasks.iter().collect::<BTreeSet<_>>() == tasks
        };
        let rounds: Vec<_> = rounds.iter().filter(same).collect();
        let incumbent = rounds.last().and_then(|rankings| holder(rankings));
        let recent = &rounds[rounds.len().saturating_sub(MAX_EARLIER)..];
        let scores = |rankings: &&Rankings| {
            let present = rankings.rankings.iter().filter(|ranking| {
                versions(&ranking.miner_id).is_some_and(|sha256| sha256 == ranking.agent_sha256)
            });
            let of_tasks = |scores: &Scores| {
                scores.iter().map(|(id, task)| (id.clone(), task.score)).collect()
            };
            let agents = present.map(|r| (r.miner_id.clone(), of_tasks(&r.tasks))).collect();
            EarlierScores { round: rankings.round.id.clone(), agents }
        };
        Self { incumbent, earlier: recent.iter().map(scores).collect() }
    }

    /// Reads what a report says of earlier rounds.
    pub fn of_report(gate: Option<&Gate>) -> Self {
        gate.map_or_else(Self::default, |gate| Self {
            incumbent: gate.incumbent.clone(),
            earlier: gate.earlier.clone(),
        })
    }
}

/// Who earned the pool of a round, or the largest part of it.
fn holder(rankings: &Rankings) -> Option<MinerId> {
    if let Some(gate) = &rankings.round.gate {
        return gate.holder.clone();
    }
    let first = rankings.rankings.iter().find(|ranking| ranking.reward_rao > 0);
    first.map(|ranking| ranking.miner_id.clone())
}

/// Decides who holds the first place. The agents come in the order of their ranks.
pub(crate) fn decide(
    agents: &[GateContestant],
    history: &GateHistory,
    evidence: &RoundEvidence,
) -> Gate {
    let earns = |agent: &&GateContestant| !agent.is_copy && agent.score > 0.0;
    let best = agents.iter().find(earns).map(|agent| agent.miner_id.clone());
    let incumbent = history.incumbent.clone();
    let defender = agents.iter().filter(earns).find(|a| Some(&a.miner_id) == incumbent.as_ref());
    let Some(defender) = defender else {
        return Gate { incumbent, holder: best, ..Gate::default() };
    };
    let ahead = agents.iter().take_while(|agent| agent.score > defender.score).filter(earns);
    let mut challengers: Vec<_> =
        ahead.filter_map(|agent| challenge(agent, defender, history, evidence)).collect();
    let number = f64::from(u32::try_from(challengers.len()).unwrap_or(u32::MAX));
    for challenger in &mut challengers {
        challenger.p = (challenger.p * number).min(1.0);
    }
    let winner = challengers.iter().find(|challenger| challenger.p < evidence.alpha());
    let holder = winner.map_or_else(|| defender.miner_id.clone(), |winner| winner.miner_id.clone());
    let names: BTreeSet<_> = challengers.iter().map(|c| &c.miner_id).collect();
    let involved = |name: &MinerId| names.contains(name) || *name == defender.miner_id;
    let mut earlier = history.earlier.clone();
    for round in &mut earlier {
        round.agents.retain(|name, _| involved(name));
    }
    earlier.retain(|round| round.agents.len() > 1 && round.agents.contains_key(&defender.miner_id));
    Gate { incumbent, holder: Some(holder), challengers, earlier }
}

/// Compares an agent with the incumbent over all rounds in which both took part; `None` if it does not lead.
fn challenge(
    agent: &GateContestant,
    defender: &GateContestant,
    history: &GateHistory,
    evidence: &RoundEvidence,
) -> Option<Challenger> {
    let now = |scores: &Scores| evidence.weighted(|id| scores.get(id).map(|task| task.score));
    let mut differences = difference(&now(&agent.tasks), &now(&defender.tasks));
    let mut rounds = 1;
    for EarlierScores { agents, .. } in &history.earlier {
        let then = |name: &MinerId| {
            agents.get(name).map(|scores| evidence.weighted(|id| scores.get(id).copied()))
        };
        if let (Some(ours), Some(theirs)) = (then(&agent.miner_id), then(&defender.miner_id)) {
            let earlier = difference(&ours, &theirs);
            for (sum, earlier) in differences.iter_mut().zip(earlier) {
                *sum += earlier;
            }
            rounds += 1;
        }
    }
    let lead: i64 = differences.iter().sum();
    #[allow(clippy::cast_precision_loss, reason = "scores are small numbers")]
    let points = lead as f64 / evidence.unit() as f64 / f64::from(rounds);
    (lead > 0).then(|| Challenger {
        miner_id: agent.miner_id.clone(),
        lead: two_decimals(points),
        p: evidence.p(&differences),
        rounds,
    })
}

fn difference(a: &[i64], b: &[i64]) -> Vec<i64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use platform::api::TaskScore;
    use tasks::Verdict;

    use super::*;

    fn task(index: usize) -> TaskId {
        format!("task_{index}").parse().unwrap()
    }

    fn score_of(points: u32) -> TaskScore {
        TaskScore {
            verdict: Verdict::WrongAnswer,
            score: points.into(),
            passed: points,
            total: 100,
            cost_micro_usd: None,
            repetitions: Vec::new(),
        }
    }

    fn agent(name: &str, points: &[u32]) -> GateContestant {
        let tasks: Scores =
            points.iter().enumerate().map(|(i, p)| (task(i), score_of(*p))).collect();
        let score =
            f64::from(points.iter().sum::<u32>()) / f64::from(u32::try_from(points.len()).unwrap());
        GateContestant { miner_id: name.parse().unwrap(), score, is_copy: false, tasks }
    }

    fn earlier(agents: &[(&str, &[u32])]) -> EarlierScores {
        let scores = |points: &[u32]| {
            points.iter().enumerate().map(|(i, p)| (task(i), f64::from(*p))).collect()
        };
        let agents = agents.iter().map(|(name, points)| (name.parse().unwrap(), scores(points)));
        EarlierScores { round: "r".to_owned(), agents: agents.collect() }
    }

    /// Decides at 0.05. The result is the holder, and each challenger with its lead, its p and its rounds.
    fn check(
        agents: &[GateContestant],
        incumbent: Option<&str>,
        earlier: Vec<EarlierScores>,
        expected: &str,
    ) {
        let incumbent = incumbent.map(|name| name.parse().unwrap());
        let scores = agents.iter().map(|agent| &agent.tasks);
        let evidence = RoundEvidence::draw(&Sha256::of(b""), scores, |_| 1, 0.05);
        let gate = decide(agents, &GateHistory { incumbent, earlier }, &evidence);
        let challenger =
            |c: &Challenger| format!("; {} {} {} {}", c.miner_id, c.lead, c.p, c.rounds);
        let challengers: String = gate.challengers.iter().map(challenger).collect();
        let holder = gate.holder.map(|holder| holder.to_string()).unwrap_or_default();
        assert_eq!(holder + &challengers, expected);
    }

    #[test]
    fn incumbent_keeps_the_place_until_the_evidence_is_enough() {
        let six = [50, 50, 50, 50, 50, 50];
        // Better on five of six tasks: 4 of 64 outcomes are as large. On all six: 2 are.
        let (five, all) = ([60, 60, 60, 60, 60, 50], [60; 6]);
        check(&[agent("b", &five), agent("a", &six)], Some("a"), vec![], "a; b 8.33 0.0625 1");
        check(&[agent("b", &all), agent("a", &six)], Some("a"), vec![], "b; b 10 0.03125 1");
        // A second challenger doubles the probability that one of them is ahead by chance.
        check(
            &[agent("b", &all), agent("c", &five), agent("a", &six)],
            Some("a"),
            vec![],
            "a; b 10 0.0625 1; c 8.33 0.125 1",
        );
        check(&[agent("a", &all), agent("b", &six)], Some("a"), vec![], "a");
        check(&[agent("b", &six), agent("a", &six)], Some("a"), vec![], "a");
    }

    #[test]
    fn earlier_rounds_of_the_same_versions_count() {
        let (low, high) = ([50, 50, 50, 50, 50, 50], [60, 60, 60, 60, 60, 50]);
        let agents = [agent("b", &high), agent("a", &low)];
        let same = earlier(&[("a", &low), ("b", &[60; 6])]);
        check(&agents, Some("a"), vec![same], "b; b 9.17 0.03125 2");
        // In the earlier round the challenger was behind.
        let behind = earlier(&[("a", &[90; 6]), ("b", &low)]);
        check(&agents, Some("a"), vec![behind], "a");
        let without = earlier(&[("b", &[90; 6])]);
        check(&agents, Some("a"), vec![without], "a; b 8.33 0.0625 1");
    }

    #[test]
    fn vacant_place_goes_to_the_best_agent_that_may_earn() {
        let agents = [agent("b", &[60]), agent("c", &[50])];
        check(&agents, None, vec![], "b");
        check(&agents, Some("gone"), vec![], "b");
        check(&[agent("b", &[0]), agent("c", &[0])], Some("b"), vec![], "");
        check(&[], Some("b"), vec![], "");
        let copy = GateContestant { is_copy: true, ..agent("b", &[60]) };
        check(&[copy, agent("c", &[50])], Some("b"), vec![], "c");
    }
}
