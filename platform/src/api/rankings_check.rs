//! The invariants of a ranking that can be checked without running or knowing anything: what `PUT /rankings` refuses,
//! and the first part of `arena verify`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tasks::Sha256;

use super::agents::program;
use super::chain::RANKING_NAMESPACE;
use super::gate::{EarlierScores, Gate};
use super::miner_id::MinerId;
use super::private_tasks::PRIVATE_FAULT;
use super::rankings::{
    FaultRecord, ISOLATIONS, MAX_REPEAT, PAYOUTS, Ranking, Rankings, Round, RoundStatus,
    ScoreInterval, StopReason, StoppedAgent, TaskScore,
};
use super::rao::Rao;

/// Longest id of a round, in characters.
const MAX_ID_CHARS: usize = 64;
/// Longest text of a fault, an image's name and the like, in bytes.
const MAX_TEXT_BYTES: usize = 8 << 10;

impl Rankings {
    /// Returns one sentence for each contradiction in the ranking; none if it is consistent.
    pub fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.round.check(&mut problems);
        self.check_places(&mut problems);
        self.check_copies(&mut problems);
        self.check_faults(&mut problems);
        self.check_rewards(&mut problems);
        self.check_signature(&mut problems);
        problems
    }

    /// A signature is of this ranking, and standings have none.
    fn check_signature(&self, problems: &mut Vec<String>) {
        let Some(signature) = &self.signature else { return };
        if self.round.status == RoundStatus::Open {
            problems.push("an open round must not be signed: its ranking is not final".to_owned());
        } else if signature.statement != self.statement() {
            problems.push(format!(
                "the signature of round {} is of another ranking: its statement is not that of this one",
                self.round.id
            ));
        }
        if let Err(error) = signature.signer(RANKING_NAMESPACE) {
            problems
                .push(format!("the signature of round {} does not hold: {error}", self.round.id));
        }
    }

    /// Each agent is ranked once, in order, with a score on every task.
    fn check_places(&self, problems: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        let tasks: BTreeSet<_> = self.round.tasks.iter().collect();
        for (index, ranking) in self.rankings.iter().enumerate() {
            let miner = &ranking.miner_id;
            if !seen.insert(miner) {
                problems.push(format!("'{miner}' is ranked more than once"));
            }
            if usize::try_from(ranking.rank).ok() != Some(index + 1) {
                problems.push(format!(
                    "'{miner}' has rank {} in place {}",
                    ranking.rank,
                    index + 1
                ));
            }
            if !ranking.tasks.keys().eq(tasks.iter().copied()) {
                problems.push(format!("the tasks of '{miner}' are not those of the round"));
            }
            ranking.check(&self.round, problems);
        }
        for pair in self.rankings.windows(2) {
            if pair[0].score < pair[1].score {
                let (before, after) = (&pair[0].miner_id, &pair[1].miner_id);
                problems.push(format!("'{before}' is ranked before '{after}' with a lower score"));
            }
        }
    }

    /// Of all agents with the same program, those that are not the earliest are its copies. A digest of a program stands for
    /// each agent or for none, and agents with the same bytes have the same one.
    fn check_copies(&self, problems: &mut Vec<String>) {
        let (mut originals, mut programs) = (HashMap::new(), HashMap::new());
        let has_program = |ranking: &Ranking| ranking.program_sha256.is_some();
        let first = self.rankings.first().is_some_and(has_program);
        if self.rankings.iter().any(|ranking| has_program(ranking) != first) {
            problems.push(
                "some agents have a digest of their program and others have none; 'arena fsck --repair' adds \
                 those that a store lacks"
                    .to_owned(),
            );
        }
        for ranking in &self.rankings {
            let Ranking { miner_id, program_sha256, agent_sha256, .. } = ranking;
            let (of, other) = programs.entry(agent_sha256).or_insert((program_sha256, miner_id));
            if *of != program_sha256 {
                problems.push(format!(
                    "'{other}' and '{miner_id}' are the same file and have different digests of its program"
                ));
            }
        }
        for ranking in &self.rankings {
            let key = (ranking.first_submitted_at, &ranking.miner_id);
            let original = originals.entry(ranking.program()).or_insert(key);
            *original = key.min(*original);
        }
        for ranking in &self.rankings {
            let (_, original) = originals[ranking.program()];
            let expected = (*original != ranking.miner_id).then_some(original);
            if ranking.copy_of.as_ref() != expected {
                let name = |copy: Option<&MinerId>| {
                    copy.map_or("no agent".to_owned(), |of| format!("'{of}'"))
                };
                problems.push(format!(
                    "'{}' is listed as a copy of {}, but by digests and times it is a copy of {}",
                    ranking.miner_id,
                    name(ranking.copy_of.as_ref()),
                    name(expected)
                ));
            }
        }
    }

    /// A trial that ended in a fault is listed once, and its agent is not ranked. A round with one stays open.
    fn check_faults(&self, problems: &mut Vec<String>) {
        if let (RoundStatus::Closed, Some(first)) = (self.round.status, self.round.faults.first()) {
            problems.push(format!(
                "the round is closed, although '{}' on {} is not judged",
                first.miner_id, first.task
            ));
        }
        let tasks: BTreeSet<_> = self.round.tasks.iter().collect();
        let ranked: BTreeSet<_> = self.rankings.iter().map(|ranking| &ranking.miner_id).collect();
        let (mut seen, mut not_judged) = (BTreeSet::new(), BTreeSet::new());
        for FaultRecord { miner_id, task, repetition, fault } in &self.round.faults {
            if !seen.insert((miner_id, task, repetition)) {
                problems
                    .push(format!("the fault of '{miner_id}' on {task} is listed more than once"));
            }
            if !(1..=self.round.repeat).contains(repetition) {
                problems.push(format!(
                    "a fault of '{miner_id}' on {task} is of repetition {repetition}, but the round has {}",
                    self.round.repeat
                ));
            }
            if fault.is_empty() || fault.len() > MAX_TEXT_BYTES {
                problems.push(format!(
                    "the fault of '{miner_id}' on {task} must have 1 to {MAX_TEXT_BYTES} bytes, got {}",
                    fault.len()
                ));
            }
            if task.is_private() && fault != PRIVATE_FAULT {
                problems.push(format!(
                    "the fault of '{miner_id}' on {task} must be '{PRIVATE_FAULT}': its text may quote a private task"
                ));
            }
            if !tasks.contains(task) {
                // A task that its controls did not prove sound is left out of the round.
                if !self.round.partial {
                    problems.push(format!(
                        "a fault on {task} is listed, which is not a task of the round"
                    ));
                }
                continue;
            }
            not_judged.insert(miner_id);
            if ranked.contains(miner_id) {
                problems.push(format!(
                    "'{miner_id}' is ranked, although its trial on {task} ended in a fault"
                ));
            }
        }
        let agents = self.rankings.len() + not_judged.difference(&ranked).count();
        let trials = (agents * tasks.len()) as u64 * u64::from(self.round.repeat);
        let trials = self.check_stopped(&ranked, problems).saturating_add(trials);
        if trials != self.round.trials {
            problems.push(format!(
                "the round states {} trials, but its agents and tasks make {trials}",
                self.round.trials
            ));
        }
    }

    /// An agent that was stopped is listed once, has no rank, and lacks trials. Returns the number of their trials.
    fn check_stopped(&self, ranked: &BTreeSet<&MinerId>, problems: &mut Vec<String>) -> u64 {
        let round = &self.round;
        let faulted: BTreeSet<_> = round.faults.iter().map(|fault| &fault.miner_id).collect();
        let all = round.tasks.len() as u64 * u64::from(round.repeat);
        let (mut seen, mut trials) = (BTreeSet::new(), 0_u64);
        for StoppedAgent { miner_id, reason, bound, trials: own, .. } in &round.stopped {
            let elsewhere = ranked.contains(miner_id) || faulted.contains(miner_id);
            if !seen.insert(miner_id) || elsewhere {
                problems.push(format!(
                    "'{miner_id}' was stopped, but is also ranked, not judged, or stopped again"
                ));
            }
            let has_rule = match reason {
                StopReason::Screening => round.screening.is_some(),
                StopReason::OutOfReach => round.top.is_some(),
            };
            if !has_rule || !is_score(*bound) || *own >= all {
                problems.push(format!("'{miner_id}' cannot have been stopped like that"));
            }
            trials = trials.saturating_add(*own);
        }
        if let Some(rule) = round.screening
            && (rule.tasks == 0 || !is_score(rule.score))
        {
            problems.push("the screening is not possible".to_owned());
        }
        trials
    }

    /// The rewards sum exactly to the pool, unless no agent may earn anything.
    fn check_rewards(&self, problems: &mut Vec<String>) {
        let Ok(pool) = self.round.pool_tao.parse::<Rao>() else {
            problems
                .push(format!("'{}' is not a pool of rewards", self.round.pool_tao.escape_debug()));
            return;
        };
        if pool.to_string() != self.round.pool_tao {
            problems.push(format!("the pool '{}' must be written '{pool}'", self.round.pool_tao));
        }
        let paid: u128 = self.rankings.iter().map(|ranking| u128::from(ranking.reward_rao)).sum();
        let earns = |ranking: &Ranking| ranking.copy_of.is_none() && ranking.score > 0.0;
        let expected = if self.rankings.iter().any(earns) { u128::from(pool.0) } else { 0 };
        if let Some(gate) = &self.round.gate {
            gate.check(&self.rankings, problems);
        }
        if paid != expected {
            problems.push(format!("the rewards sum to {paid} rao instead of {expected}"));
        }
    }
}

impl Round {
    /// Checks that a text can be the id of a round, which also names its file.
    pub(crate) fn check_id(id: &str) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !id.is_empty() && id.len() <= MAX_ID_CHARS && id.chars().all(plain) {
            return Ok(());
        }
        let shown: String = id.chars().take(MAX_ID_CHARS).collect();
        Err(format!(
            "'{}' is not the id of a round: expected 1 to {MAX_ID_CHARS} letters, digits and '-'",
            shown.escape_debug()
        ))
    }

    /// The time in the id of a round.
    pub(crate) fn time_in(id: &str) -> &str {
        id.split_once('-').map_or(id, |(time, _)| time)
    }

    fn check(&self, problems: &mut Vec<String>) {
        if let Err(problem) = Self::check_id(&self.id) {
            problems.push(problem);
        } else if !self.id.starts_with(&Self::id_prefix(self.opened_at)) {
            problems.push(format!(
                "the round's id {} does not begin with its opening time {}",
                self.id, self.opened_at
            ));
        }
        match (self.status, self.seed, &self.salt) {
            (RoundStatus::Open, None, None) => {}
            (RoundStatus::Open, ..) => {
                problems.push("an open round must not reveal its seed or salt".to_owned());
            }
            (RoundStatus::Closed, Some(seed), Some(salt)) => {
                if Self::commitment_to(&self.id, seed, salt) != self.commitment {
                    problems.push(
                        "the commitment is not that of the round's id, seed and salt".to_owned(),
                    );
                }
            }
            (RoundStatus::Closed, ..) => {
                problems.push("a closed round must reveal its seed and salt".to_owned());
            }
        }
        if self.opened_at > self.listed_at || self.listed_at > self.finished_at {
            problems.push(
                "the round's times are not in the order opened_at, listed_at, finished_at"
                    .to_owned(),
            );
        }
        if (self.status == RoundStatus::Closed) != self.trials_sha256.is_some() {
            problems.push(
                "a closed round must state the digest of its trials, and an open one must not"
                    .to_owned(),
            );
        }
        self.check_previous(problems);
        if self.tasks.is_empty() {
            problems.push("the round has no tasks".to_owned());
        }
        if !(1..=MAX_REPEAT).contains(&self.repeat) {
            problems.push(format!("`repeat` must be 1 to {MAX_REPEAT}, got {}", self.repeat));
        }
        if !is_probability(self.alpha) || !self.resolution.is_none_or(is_score) {
            problems.push("`alpha` or `resolution` is not possible".to_owned());
        }
        self.check_private(problems);
        self.check_choices(problems);
        let unique: BTreeSet<_> = self.tasks.iter().collect();
        if unique.len() != self.tasks.len() {
            problems.push("a task of the round is listed more than once".to_owned());
        }
        for (name, text) in [("image", &self.image)]
            .into_iter()
            .chain(self.model.as_ref().map(|model| ("model", model)))
        {
            if text.is_empty() || text.len() > MAX_TEXT_BYTES {
                problems.push(format!(
                    "`{name}` must have 1 to {MAX_TEXT_BYTES} bytes, got {}",
                    text.len()
                ));
            }
        }
    }
}

impl Round {
    /// Isolation and payout are among the known ones.
    fn check_choices(&self, problems: &mut Vec<String>) {
        let choices: [(_, _, &[&str]); 2] =
            [("isolation", &self.isolation, &ISOLATIONS), ("payout", &self.payout, &PAYOUTS)];
        for (name, text, known) in choices {
            if !known.contains(&text.as_str()) {
                problems.push(format!("`{name}` must be one of {}", known.join(", ")));
            }
        }
    }

    /// The round before, if one is stated, has another id, which is not of a later time.
    fn check_previous(&self, problems: &mut Vec<String>) {
        let Some(previous) = &self.previous else { return };
        if let Err(problem) = Self::check_id(&previous.id) {
            problems.push(format!("the round before: {problem}"));
        } else if previous.id == self.id || Self::time_in(&previous.id) > Self::time_in(&self.id) {
            problems.push(format!(
                "round {} names {} as the round before it, which is not an earlier one",
                self.id, previous.id
            ));
        }
    }
}

impl Ranking {
    fn check(&self, round: &Round, problems: &mut Vec<String>) {
        let miner = &self.miner_id;
        if !is_score(self.score) {
            problems.push(format!(
                "the score of '{miner}' is not a number from 0 to 100 with two decimals"
            ));
        }
        for (task, score) in &self.tasks {
            if !score.is_consistent() || !score.has_repetitions(round.repeat) {
                problems.push(format!("the score of '{miner}' on {task} is not possible"));
            }
        }
        check_family_scores(miner, &self.families, problems);
        self.check_uncertainty(problems);
        self.check_cost(round, problems);
        self.check_private(round, problems);
        if Rao(self.reward_rao).to_string() != self.reward_tao {
            problems.push(format!("the rewards of '{miner}' in TAO and in rao differ"));
        }
        if self.copy_of.is_some() && self.reward_rao > 0 {
            problems.push(format!("'{miner}' is a copy and must not earn anything"));
        }
        let limit = if round.frozen { round.opened_at } else { round.listed_at };
        if self.first_submitted_at > self.uploaded_at || self.uploaded_at > limit {
            problems.push(format!("the upload times of '{miner}' are not possible in this round"));
        }
    }
}

impl Ranking {
    fn check_uncertainty(&self, problems: &mut Vec<String>) {
        let miner = &self.miner_id;
        let ends = |interval: ScoreInterval| {
            is_score(interval.low) && is_score(interval.high) && interval.low <= interval.high
        };
        if !self.interval.is_none_or(ends) {
            problems.push(format!("the interval of '{miner}' is not possible"));
        }
        if self.p_above.is_some() != (self.rank > 1) || !self.p_above.is_none_or(is_probability) {
            problems.push(format!("the `p_above` of '{miner}' is not possible"));
        }
        let letters = |c: char| c.is_ascii_lowercase() || c == '-';
        if self.group.is_empty() || self.group.len() > 16 || !self.group.chars().all(letters) {
            problems.push(format!("the group of '{miner}' is not one: expected 'a' or 'a-c'"));
        }
    }

    /// What identifies its program.
    fn program(&self) -> &Sha256 {
        program(self.program_sha256.as_ref(), &self.agent_sha256)
    }

    fn check_cost(&self, round: &Round, problems: &mut Vec<String>) {
        let miner = &self.miner_id;
        let costs: Vec<_> = self.tasks.values().map(|task| task.cost_micro_usd).collect();
        if costs.iter().any(|cost| cost.is_some() != round.model.is_some()) {
            problems.push(format!(
                "'{miner}' must have a cost on each task if there is a model, else none"
            ));
        }
        let sum = costs.into_iter().sum::<Option<u64>>().filter(|_| round.model.is_some());
        if self.cost_micro_usd != sum {
            problems
                .push(format!("the cost of '{miner}' is not the sum of the costs on its tasks"));
        }
    }
}

fn check_family_scores<K: std::fmt::Display>(
    miner: &MinerId,
    families: &BTreeMap<K, f64>,
    problems: &mut Vec<String>,
) {
    for (family, score) in families {
        if !is_score(*score) {
            problems.push(format!("the score of '{miner}' in {family} is not possible"));
        }
    }
}

impl TaskScore {
    /// Returns whether it is the sum of this many trials with the same number of cases.
    fn has_repetitions(&self, repeat: u32) -> bool {
        let Self { passed, total, repetitions, .. } = self;
        if repeat <= 1 {
            return repetitions.is_empty();
        }
        let sum: u64 = repetitions.iter().map(|passed| u64::from(*passed)).sum();
        u32::try_from(repetitions.len()) == Ok(repeat)
            && total % repeat == 0
            && repetitions.iter().all(|passed| *passed <= total / repeat)
            && sum == u64::from(*passed)
    }

    fn is_consistent(&self) -> bool {
        let counts = self.passed <= self.total && self.total > 0;
        counts && is_score(self.score) && (self.passed < self.total) == self.verdict.is_wrong()
    }
}

impl Gate {
    /// Checks what the gate says against the ranking.
    fn check(&self, rankings: &[Ranking], problems: &mut Vec<String>) {
        let paid = rankings.iter().find(|ranking| ranking.reward_rao > 0);
        if self.holder.as_ref() != paid.map(|ranking| &ranking.miner_id) {
            problems.push("the holder of the first place is not the agent that is paid".to_owned());
        }
        if !self.challengers.iter().all(|c| is_probability(c.p) && is_score(c.lead)) {
            problems.push("the lead or the p of a challenger is not possible".to_owned());
        }
        let scores = self.earlier.iter().flat_map(|round| round.agents.values());
        if !scores.flat_map(BTreeMap::values).copied().all(is_score) {
            problems.push("an earlier score is not possible".to_owned());
        }
        for EarlierScores { round, .. } in &self.earlier {
            problems.extend(Round::check_id(round).err());
        }
    }
}

fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}

/// Returns whether a number is from 0 to 100 with at most two decimals.
fn is_score(score: f64) -> bool {
    let hundredths = score * 100.0;
    (0.0..=100.0).contains(&score) && (hundredths - hundredths.round()).abs() < 1e-6
}

mod private;
#[cfg(test)]
mod tests;
