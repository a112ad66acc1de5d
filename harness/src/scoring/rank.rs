//! The ranking: the order of agents, and what each of them earns.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use platform::MinerId;
use platform::api::{Gate, MAX_REPEAT, Ranking, Rao, TaskScore, program};
use tasks::{Family, Sha256, Task, TaskId};

use crate::round::agent::Agent;
use crate::scoring::gate::{GateContestant, GateHistory, decide};
use crate::scoring::reward::{Payout, RewardPolicy, split};
use crate::scoring::score::agent_score;
use crate::scoring::uncertainty::{AgentUncertainty, RoundEvidence, Uncertainty};

/// An agent with everything that its rank depends on.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Who submitted it
    pub miner_id: MinerId,
    /// Its source's digest
    pub sha256: Sha256,
    /// The digest of its program, if it is known: equal for copies
    pub program_sha256: Option<Sha256>,
    /// When this version was accepted: the earlier one wins a tie
    pub uploaded_at: Timestamp,
    /// When this miner first submitted this program, in any formatting: the earliest one is the original
    pub first_submitted_at: Timestamp,
    /// Its score on each task of the round
    pub tasks: BTreeMap<TaskId, TaskScore>,
}

impl Contender {
    /// An agent with its scores.
    pub fn new(agent: &Agent, tasks: BTreeMap<TaskId, TaskScore>) -> Self {
        Self {
            miner_id: agent.miner_id.clone(),
            sha256: agent.sha256.clone(),
            program_sha256: agent.program_sha256.clone(),
            uploaded_at: agent.uploaded_at,
            first_submitted_at: agent.first_submitted_at,
            tasks,
        }
    }

    /// What identifies its program.
    fn program(&self) -> &Sha256 {
        program(self.program_sha256.as_ref(), &self.sha256)
    }
}

impl Contender {
    /// The agent of a ranking.
    pub fn of_ranking(ranking: &Ranking) -> Self {
        Self {
            miner_id: ranking.miner_id.clone(),
            sha256: ranking.agent_sha256.clone(),
            program_sha256: ranking.program_sha256.clone(),
            uploaded_at: ranking.uploaded_at,
            first_submitted_at: ranking.first_submitted_at,
            tasks: ranking.tasks.clone(),
        }
    }
}

/// What a ranking needs to know of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoredTask {
    /// The task's id
    pub id: TaskId,
    /// Its family, whose score is shown
    pub family: Family,
    /// How much it counts
    pub weight: u32,
}

impl ScoredTask {
    /// A private task whose definition is not at hand: problems of benchmarks all count the same.
    pub fn private(id: &TaskId) -> Self {
        Self { id: id.clone(), family: Family::Benchmarks, weight: 1 }
    }
}

impl From<&Task> for ScoredTask {
    fn from(task: &Task) -> Self {
        Self { id: task.id.clone(), family: task.family, weight: task.weight }
    }
}

/// What a ranking follows from, apart from its agents.
#[derive(Clone, Copy)]
pub struct RankRules<'a> {
    /// The tasks of the round
    pub tasks: &'a [ScoredTask],
    /// Trials of each agent on each task
    pub repeat: u32,
    /// The round's commitment, from which the resampling is drawn
    pub commitment: &'a Sha256,
    /// How the pool is split
    pub reward: RewardPolicy,
    /// What earlier rounds say, for the payout `gated`
    pub history: &'a GateHistory,
}

/// A ranking, and what holds for all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedRound {
    /// The agents, best first
    pub rankings: Vec<Ranking>,
    /// The difference between two scores that the round could just have distinguished from chance
    pub resolution: Option<f64>,
    /// Why the first place is held, with the payout `gated`
    pub gate: Option<Gate>,
}

/// An agent with its place in the order.
pub(crate) struct Placed {
    score: f64,
    copy_of: Option<MinerId>,
    pub contender: Contender,
    pub reward: Rao,
}

/// Agents in the order of their ranks, each with its reward.
pub(crate) struct PaidAgents {
    pub placed: Vec<Placed>,
    pub gate: Option<Gate>,
    evidence: RoundEvidence,
}

/// Ranks by score, ties to the lower cost per task, then to the earlier upload and then by miner id. Copies of an
/// earlier agent, equal but for comments, blank lines and formatting, rank last of their score and earn nothing.
pub fn rank(contenders: Vec<Contender>, rules: &RankRules<'_>) -> RankedRound {
    let PaidAgents { placed, gate, evidence } = pay(contenders, rules);
    let scores: Vec<_> = placed.iter().map(|agent| &agent.contender.tasks).collect();
    let repeat = rules.repeat.clamp(1, MAX_REPEAT) as usize;
    let Uncertainty { agents, resolution } = evidence.assess(rules.commitment, &scores, repeat);
    let place = |(index, (placed, uncertainty)): (usize, (Placed, _))| {
        let Placed { score, copy_of, contender, reward } = placed;
        let Contender { miner_id, sha256, program_sha256, tasks, .. } = contender;
        let Contender { uploaded_at, first_submitted_at, .. } = contender;
        let AgentUncertainty { interval, p_above, group } = uncertainty;
        let parts = ScoreParts::of(&tasks, rules.tasks);
        Ranking {
            rank: u32::try_from(index + 1).expect("far fewer agents than that"),
            miner_id,
            agent_sha256: sha256,
            program_sha256,
            score,
            public_score: parts.as_ref().map(|parts| parts.public),
            private_score: parts.map(|parts| parts.private),
            interval,
            p_above,
            group,
            reward_tao: reward.to_string(),
            reward_rao: reward.0,
            families: families(&tasks, rules.tasks),
            cost_micro_usd: cost(&tasks),
            tasks,
            uploaded_at,
            first_submitted_at,
            copy_of,
        }
    };
    let rankings = placed.into_iter().zip(agents).enumerate().map(place).collect();
    RankedRound { rankings, resolution, gate }
}

/// Puts agents in order and splits the pool.
pub(crate) fn pay(contenders: Vec<Contender>, rules: &RankRules<'_>) -> PaidAgents {
    let RankRules { tasks, commitment, reward, history, .. } = rules;
    let weight = |id: &TaskId| known(tasks, id).map_or(1, |task| task.weight);
    let mut placed = in_order(contenders, weight);
    let scores = placed.iter().map(|agent| &agent.contender.tasks);
    let evidence = RoundEvidence::draw(commitment, scores, weight, reward.alpha.value());
    let gate = (reward.payout == Payout::Gated).then(|| {
        let contestant = |agent: &Placed| GateContestant {
            miner_id: agent.contender.miner_id.clone(),
            score: agent.score,
            is_copy: agent.copy_of.is_some(),
            tasks: agent.contender.tasks.clone(),
        };
        decide(&placed.iter().map(contestant).collect::<Vec<_>>(), history, &evidence)
    });
    let holder = gate.as_ref().map(|gate| gate.holder.as_ref());
    let earning = |agent: &Placed| {
        let is_shut_out = holder.is_some_and(|holder| holder != Some(&agent.contender.miner_id));
        if is_shut_out || agent.copy_of.is_some() { 0.0 } else { agent.score }
    };
    let rewards = split(*reward, &placed.iter().map(earning).collect::<Vec<_>>());
    for (agent, reward) in placed.iter_mut().zip(rewards) {
        agent.reward = reward;
    }
    PaidAgents { placed, gate, evidence }
}

/// Computes scores, finds copies, and sorts.
fn in_order(contenders: Vec<Contender>, weight: impl Fn(&TaskId) -> u32) -> Vec<Placed> {
    let originals = originals(&contenders);
    let mut placed: Vec<_> = contenders
        .into_iter()
        .map(|contender| {
            let score = agent_score(contender.tasks.iter().map(|(id, task)| (task, weight(id))));
            let original = &originals[contender.program()];
            let copy_of = (*original != contender.miner_id).then(|| original.clone());
            Placed { score, copy_of, contender, reward: Rao(0) }
        })
        .collect();
    placed.sort_by(|a, b| {
        let key = |Placed { copy_of, contender: c, .. }: &Placed| {
            (copy_of.is_some(), cost(&c.tasks), c.uploaded_at, c.miner_id.clone())
        };
        b.score.total_cmp(&a.score).then_with(|| key(a).cmp(&key(b)))
    });
    placed
}

fn known<'a>(tasks: &'a [ScoredTask], id: &TaskId) -> Option<&'a ScoredTask> {
    tasks.iter().find(|task| task.id == *id)
}

/// The score of an agent on the two parts of a round that has private tasks.
struct ScoreParts {
    public: f64,
    private: f64,
}

impl ScoreParts {
    /// Computes both; `None` if there are no private tasks.
    fn of(scores: &BTreeMap<TaskId, TaskScore>, tasks: &[ScoredTask]) -> Option<Self> {
        let weighted = scores.iter().map(|(id, score)| {
            (id.is_private(), (score, known(tasks, id).map_or(1, |task| task.weight)))
        });
        let (private, public): (Vec<_>, Vec<_>) = weighted.partition(|(private, _)| *private);
        let mean = |part: Vec<(bool, _)>| agent_score(part.into_iter().map(|(_, task)| task));
        (!private.is_empty()).then(|| Self { public: mean(public), private: mean(private) })
    }
}

/// The score within each family of public tasks. Private tasks have a score of their own.
fn families(scores: &BTreeMap<TaskId, TaskScore>, tasks: &[ScoredTask]) -> BTreeMap<Family, f64> {
    let mut families = BTreeMap::<Family, Vec<_>>::new();
    for (id, score) in scores.iter().filter(|(id, _)| !id.is_private()) {
        if let Some(task) = known(tasks, id) {
            families.entry(task.family).or_default().push((score, task.weight));
        }
    }
    families.into_iter().map(|(family, scores)| (family, agent_score(scores))).collect()
}

/// What an agent's requests to the model cost in all, in millionths of a US dollar; none if there is no model. All agents
/// of a round have the same tasks, so it orders them like the cost per task.
fn cost(tasks: &BTreeMap<TaskId, TaskScore>) -> Option<u64> {
    let costs = tasks.values().map(|task| task.cost_micro_usd);
    costs.sum::<Option<u64>>().filter(|_| !tasks.is_empty())
}

/// For each program the miner who submitted it first.
fn originals(contenders: &[Contender]) -> HashMap<Sha256, MinerId> {
    let mut latest_first: Vec<_> = contenders.iter().collect();
    latest_first.sort_by_key(|c| Reverse((c.first_submitted_at, c.miner_id.clone())));
    // The last one inserted stays, and that is the earliest.
    latest_first.into_iter().map(|c| (c.program().clone(), c.miner_id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use tasks::Verdict;

    use super::*;
    use crate::scoring::reward::Alpha;

    fn rank_of(contenders: Vec<Contender>, tasks: &[ScoredTask], pool: &str) -> Vec<Ranking> {
        let (pool, payout) = (pool.parse().unwrap(), Payout::Proportional);
        let reward = RewardPolicy { pool, payout, alpha: Alpha::default() };
        let (commitment, history) = (&Sha256::of(b"round"), &GateHistory::default());
        rank(contenders, &RankRules { tasks, repeat: 1, commitment, reward, history }).rankings
    }

    struct TestAgent {
        name: &'static str,
        source: &'static str,
        uploaded: i64,
        first: i64,
        passed: u32,
        cost: Option<u64>,
    }

    fn agent(name: &'static str, source: &'static str, uploaded: i64, passed: u32) -> TestAgent {
        TestAgent { name, source, uploaded, first: uploaded, passed, cost: None }
    }

    /// Ranks agents on one task of 100 cases; each line has rank, name, score, reward and original.
    fn check(agents: &[TestAgent], lines: &[&str]) {
        let contender = |agent: &TestAgent| {
            let score = TaskScore {
                verdict: Verdict::Accepted,
                score: f64::from(agent.passed),
                passed: agent.passed,
                total: 100,
                cost_micro_usd: agent.cost,
                repetitions: Vec::new(),
            };
            Contender {
                miner_id: agent.name.parse().unwrap(),
                sha256: Sha256::of(agent.source.as_bytes()),
                // Spaces stand for formatting.
                program_sha256: Some(Sha256::of(agent.source.trim().as_bytes())),
                uploaded_at: Timestamp::from_second(agent.uploaded).unwrap(),
                first_submitted_at: Timestamp::from_second(agent.first).unwrap(),
                tasks: BTreeMap::from([("t".parse().unwrap(), score)]),
            }
        };
        let contenders = agents.iter().map(contender).collect();
        let rankings = rank_of(contenders, &[], "100");
        let line = |r: &Ranking| {
            let copy = r.copy_of.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
            format!("{} {} {} {}{copy}", r.rank, r.miner_id, r.score, r.reward_tao)
        };
        assert_eq!(rankings.iter().map(line).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn ranks_by_score_then_earlier_upload_then_name() {
        check(
            &[
                agent("c", "1", 5, 50),
                agent("b", "2", 5, 50),
                agent("a", "3", 6, 50),
                agent("z", "4", 9, 100),
            ],
            &["1 z 100 40", "2 b 50 20", "3 c 50 20", "4 a 50 20"],
        );
    }

    #[test]
    fn ranks_a_copy_last_of_its_score_without_reward() {
        check(
            &[agent("thief", "x", 2, 80), agent("first", "x", 1, 80), agent("other", "y", 3, 80)],
            &["1 first 80 50", "2 other 80 50", "3 thief 80 0 of first"],
        );
        check(
            &[agent("thief", "x", 2, 80), agent("first", "x", 1, 80), agent("low", "y", 3, 40)],
            &["1 first 80 66.666666667", "2 thief 80 0 of first", "3 low 40 33.333333333"],
        );
    }

    #[test]
    fn a_copy_in_another_format_is_a_copy() {
        check(
            &[agent("thief", " x", 2, 80), agent("first", "x", 1, 80)],
            &["1 first 80 100", "2 thief 80 0 of first"],
        );
    }

    #[test]
    fn first_submitter_stays_the_original_after_another_version() {
        let back = TestAgent { first: 1, ..agent("author", "x", 9, 80) };
        check(&[agent("thief", "x", 5, 80), back], &["1 author 80 100", "2 thief 80 0 of author"]);
    }

    #[test]
    fn of_equal_scores_the_cheaper_agent_is_better() {
        let costs = |agent: TestAgent, cost| TestAgent { cost: Some(cost), ..agent };
        let agents = [costs(agent("dear", "x", 1, 80), 9), costs(agent("cheap", "y", 2, 80), 8)];
        check(&agents, &["1 cheap 80 50", "2 dear 80 50"]);
    }

    #[test]
    fn tasks_count_by_weight_in_the_score_and_in_their_family() {
        let (mut tasks, mut scores) = (Vec::new(), BTreeMap::new());
        for (id, weight, passed) in
            [("reverse_string", 3, 4), ("fizz_buzz", 1, 0), ("factorial", 2, 2)]
        {
            let mut task = tasks::find(id).unwrap();
            task.weight = weight;
            tasks.push(ScoredTask::from(&task));
            let score = f64::from(passed) * 25.0;
            let verdict = Verdict::WrongAnswer;
            let score = TaskScore {
                verdict,
                score,
                passed,
                total: 4,
                cost_micro_usd: None,
                repetitions: Vec::new(),
            };
            scores.insert(id.parse().unwrap(), score);
        }
        let contender = Contender {
            miner_id: "a".parse().unwrap(),
            sha256: Sha256::of(b""),
            program_sha256: None,
            uploaded_at: Timestamp::UNIX_EPOCH,
            first_submitted_at: Timestamp::UNIX_EPOCH,
            tasks: scores,
        };
        let ranking = rank_of(vec![contender], &tasks, "1").remove(0);
        let families = [(Family::Strings, 100.0), (Family::Numbers, 33.33)];
        assert_eq!((ranking.score, ranking.families), (66.67, BTreeMap::from(families)));
    }
}
