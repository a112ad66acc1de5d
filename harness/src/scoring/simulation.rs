//! Rounds with a known truth: whether intervals cover it, whether chance moves the first place, and whether a miner earns
//! more with several agents than with one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::MinerId;
use platform::api::TaskScore;
use tasks::{Sha256, Tally, TaskId, Verdict};

use crate::scoring::draws::Draws;
use crate::scoring::gate::{GateContestant, GateHistory, decide};
use crate::scoring::interval::{Resamples, TaskSample};
use crate::scoring::rank::{Contender, Placed, RankRules, pay};
use crate::scoring::reward::{Alpha, Payout, RewardPolicy};
use crate::scoring::uncertainty::{RoundEvidence, Scores};

/// Cases of a simulated task.
const CASES: u32 = 20;
/// Simulated rounds, and simulated strategies.
const TIMES: usize = 1_000;

/// Randomness of a simulation.
struct World(Draws);

impl World {
    fn new(name: &str) -> Self {
        Self(Draws::new(&Sha256::of(b"simulation"), name))
    }

    /// A number from 0 to 1.
    fn uniform(&mut self) -> f64 {
        let bits = u32::try_from(self.0.word() >> 32).unwrap();
        (f64::from(bits) + 0.5) / 4_294_967_296.0
    }

    /// How many cases of a trial pass if each does with this probability.
    fn passed(&mut self, probability: f64) -> u32 {
        (0..CASES).map(|_| u32::from(self.uniform() < probability)).sum()
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0.below(limit)
    }
}

/// Counts how often the interval of an agent covers its true score. `skill` turns a task's difficulty, a number from 0 to
/// 1, into the probability of a case; `truth` is its mean.
fn coverage(tasks: usize, repeat: usize, skill: fn(f64) -> f64, truth: f64) -> f64 {
    let mut world = World::new("coverage");
    let resamples = Resamples::draw(&Sha256::of(b"round"), tasks, repeat);
    let mut covered = 0_u32;
    for _ in 0..TIMES {
        let mut task = || {
            let probability = skill(world.uniform());
            let score = |passed: u32| 100.0 * f64::from(passed) / f64::from(CASES);
            let scores = (0..repeat).map(|_| score(world.passed(probability))).collect();
            TaskSample { weight: 1.0, scores }
        };
        let samples: Vec<_> = (0..tasks).map(|_| task()).collect();
        let interval = resamples.interval(&samples).unwrap();
        covered += u32::from(interval.low <= truth && truth <= interval.high);
    }
    f64::from(covered) / 1_000.0
}

#[test]
fn intervals_cover_the_true_score_in_93_to_97_of_100_rounds() {
    // Tasks of every difficulty, mostly easy ones, ones of the middle, and ones that are either solved or not.
    let check = |tasks: usize, repeat: usize, skill: fn(f64) -> f64, truth: f64| {
        let covered = coverage(tasks, repeat, skill, truth);
        assert!((0.93..=0.97).contains(&covered), "{tasks} tasks x {repeat}: {covered}");
    };
    check(62, 1, |difficulty| difficulty, 50.0);
    check(62, 3, |difficulty| difficulty.powf(0.25), 80.0);
    check(20, 1, |difficulty| 0.3 + 0.6 * difficulty, 60.0);
    check(40, 2, |difficulty| if difficulty < 0.7 { 0.95 } else { 0.1 }, 69.5);
}

fn name(text: &str) -> MinerId {
    text.parse().unwrap()
}

fn task(index: usize) -> TaskId {
    format!("task_{index:02}").parse().unwrap()
}

fn score_of(passed: u32) -> TaskScore {
    TaskScore {
        verdict: if passed == CASES { Verdict::Accepted } else { Verdict::WrongAnswer },
        score: Tally { passed, total: CASES }.score(),
        passed,
        total: CASES,
        cost_micro_usd: None,
        repetitions: Vec::new(),
    }
}

fn mean(scores: &Scores) -> f64 {
    scores.values().map(|task| task.score).sum::<f64>()
        / f64::from(u32::try_from(scores.len()).unwrap())
}

/// How often the incumbent loses its place to one of `challengers` that are exactly as good.
fn displacements(challengers: usize, alpha: f64) -> f64 {
    const TASKS: usize = 24;
    let mut world = World::new("displacement");
    let commitment = Sha256::of(b"round");
    let incumbent = name("incumbent");
    let history = GateHistory { incumbent: Some(incumbent.clone()), earlier: Vec::new() };
    let mut displaced = 0_u32;
    for _ in 0..TIMES {
        let difficulty: Vec<_> = (0..TASKS).map(|_| world.uniform()).collect();
        let mut agent = |miner_id: MinerId| {
            let score = |(index, difficulty): (usize, &f64)| {
                (task(index), score_of(world.passed(*difficulty)))
            };
            let tasks: Scores = difficulty.iter().enumerate().map(score).collect();
            GateContestant { miner_id, score: mean(&tasks), is_copy: false, tasks }
        };
        let mut agents: Vec<_> =
            (0..challengers).map(|index| agent(name(&format!("challenger-{index}")))).collect();
        agents.push(agent(incumbent.clone()));
        agents.sort_by(|a, b| b.score.total_cmp(&a.score));
        let scores = agents.iter().map(|agent| &agent.tasks);
        let evidence = RoundEvidence::draw(&commitment, scores, |_| 1, alpha);
        let gate = decide(&agents, &history, &evidence);
        displaced += u32::from(gate.holder != Some(incumbent.clone()));
    }
    f64::from(displaced) / 1_000.0
}

#[test]
fn chance_moves_the_first_place_less_often_than_alpha() {
    for challengers in [1, 6] {
        let displaced = displacements(challengers, 0.05);
        assert!(displaced <= 0.05, "{challengers} challengers: {displaced}");
        assert!(displaced > 0.0, "no place was ever lost, which proves nothing");
    }
}

/// A round of agents whose scores on each task are given.
struct Field {
    agents: Vec<Contender>,
    incumbent: Option<MinerId>,
}

impl Field {
    /// What the agents of a miner, whose names begin with `prefix`, earn together.
    fn earnings(&self, prefix: &str, payout: Payout) -> u64 {
        let commitment = Sha256::of(b"round");
        let history = GateHistory { incumbent: self.incumbent.clone(), earlier: Vec::new() };
        let reward = RewardPolicy { pool: "100".parse().unwrap(), payout, alpha: Alpha::default() };
        let (tasks, history) = (&[][..], &history);
        let rules = RankRules { tasks, repeat: 1, commitment: &commitment, reward, history };
        let paid = pay(self.agents.clone(), &rules).placed;
        let own = |agent: &&Placed| agent.contender.miner_id.as_str().starts_with(prefix);
        paid.iter().filter(own).map(|agent| agent.reward.0).sum()
    }
}

fn contender(miner_id: &str, source: &str, uploaded: i64, scores: Scores) -> Contender {
    let time = Timestamp::from_second(uploaded).unwrap();
    Contender {
        miner_id: name(miner_id),
        sha256: Sha256::of(source.as_bytes()),
        // Spaces stand for formatting.
        program_sha256: Some(Sha256::of(source.trim().as_bytes())),
        uploaded_at: time,
        first_submitted_at: time,
        tasks: scores,
    }
}

/// Adds what the miner of the agent `own` may send as well: copies of it, and others that score at most as much on each task.
fn add_sybils(field: &mut Field, world: &mut World) {
    let own = field.agents.iter().find(|agent| agent.miner_id.as_str() == "own").unwrap().clone();
    for index in 0..=world.below(4) {
        let mut scores = own.tasks.clone();
        let is_copy = world.below(2) == 0;
        if !is_copy {
            for score in scores.values_mut() {
                let lost = u32::try_from(world.below(4)).unwrap();
                *score = score_of(score.passed.saturating_sub(lost));
            }
        }
        let source = if is_copy {
            "own".to_owned() + &" ".repeat(world.below(3))
        } else {
            format!("variant {index}")
        };
        // Before or after the honest upload: the earlier one is the original then.
        let uploaded = i64::try_from(world.below(20)).unwrap();
        field.agents.push(contender(&format!("own-{index}"), &source, uploaded, scores));
    }
}

#[test]
fn several_agents_never_earn_more_than_the_best_of_them() {
    const TASKS: usize = 10;
    let mut world = World::new("sybils");
    for strategy in 0..TIMES {
        let mut agents = Vec::new();
        for (index, miner_id) in ["own", "rival-a", "rival-b"].into_iter().enumerate() {
            let skill = world.uniform();
            let score = |index| (task(index), score_of(world.passed(skill)));
            let scores: BTreeMap<_, _> = (0..TASKS).map(score).collect();
            agents.push(contender(miner_id, miner_id, 10 + i64::try_from(index).unwrap(), scores));
        }
        let incumbent = ["own", "rival-a", "rival-b"].get(world.below(4)).map(|id| name(id));
        let honest = Field { agents, incumbent };
        let mut several =
            Field { agents: honest.agents.clone(), incumbent: honest.incumbent.clone() };
        add_sybils(&mut several, &mut world);
        for payout in [Payout::WinnerTakesAll, Payout::Gated] {
            let (one, many) = (honest.earnings("own", payout), several.earnings("own", payout));
            assert!(
                many <= one,
                "strategy {strategy}, {payout}: {one} alone, {many} with more agents"
            );
        }
        // In proportion to scores, other agents earn for themselves. Copies do not.
        several.agents.retain(|agent| {
            !agent.miner_id.as_str().starts_with("own-")
                || agent.program_sha256 == Some(Sha256::of(b"own"))
        });
        let payout = Payout::Proportional;
        let (one, many) = (honest.earnings("own", payout), several.earnings("own", payout));
        assert!(many <= one, "strategy {strategy}, {payout}: {one} alone, {many} with copies");
    }
}
