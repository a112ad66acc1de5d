//! The invariants of a ranking that can be checked without running or knowing anything: what `PUT /rankings` refuses,
//! and the first part of `arena verify`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::chain::RANKING_NAMESPACE;
use super::miner_id::MinerId;
use super::rankings::{FaultRecord, Ranking, Rankings, Round, RoundStatus, TaskScore};
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

    /// Of all agents with the same source, those that are not the earliest are its copies.
    fn check_copies(&self, problems: &mut Vec<String>) {
        let mut originals = HashMap::new();
        for ranking in &self.rankings {
            let key = (ranking.first_submitted_at, &ranking.miner_id);
            let original = originals.entry(&ranking.agent_sha256).or_insert(key);
            *original = key.min(*original);
        }
        for ranking in &self.rankings {
            let (_, original) = originals[&ranking.agent_sha256];
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
        for FaultRecord { miner_id, task, fault } in &self.round.faults {
            if !seen.insert((miner_id, task)) {
                problems
                    .push(format!("the fault of '{miner_id}' on {task} is listed more than once"));
            }
            if fault.is_empty() || fault.len() > MAX_TEXT_BYTES {
                problems.push(format!(
                    "the fault of '{miner_id}' on {task} must have 1 to {MAX_TEXT_BYTES} bytes, got {}",
                    fault.len()
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
        let trials = (self.rankings.len() + not_judged.difference(&ranked).count()) * tasks.len();
        if u64::try_from(trials).ok() != Some(self.round.trials) {
            problems.push(format!(
                "the round states {} trials, but its agents and tasks make {trials}",
                self.round.trials
            ));
        }
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
        let unique: BTreeSet<_> = self.tasks.iter().collect();
        if unique.len() != self.tasks.len() {
            problems.push("a task of the round is listed more than once".to_owned());
        }
        for (name, text) in
            [("image", &self.image), ("isolation", &self.isolation), ("payout", &self.payout)]
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
            if !score.is_consistent() {
                problems.push(format!("the score of '{miner}' on {task} is not possible"));
            }
        }
        check_family_scores(miner, &self.families, problems);
        self.check_cost(round, problems);
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
    fn is_consistent(&self) -> bool {
        let counts = self.passed <= self.total && self.total > 0;
        counts && is_score(self.score) && (self.passed < self.total) == self.verdict.is_wrong()
    }
}

/// Returns whether a number is from 0 to 100 with at most two decimals.
fn is_score(score: f64) -> bool {
    let hundredths = score * 100.0;
    (0.0..=100.0).contains(&score) && (hundredths - hundredths.round()).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A consistent ranking of three agents, of which one is a copy.
    fn ranking() -> Value {
        let task = |passed: u32| {
            let verdict = if passed == 4 { "AC" } else { "WA" };
            json!({"two_sum": {"verdict": verdict, "score": passed * 25, "passed": passed, "total": 4}})
        };
        let place = |rank: u32,
                     name: &str,
                     source: &str,
                     passed: u32,
                     rao: u64,
                     copy_of: Option<&str>| {
            json!({
                "rank": rank, "miner_id": name, "agent_sha256": tasks::Sha256::of(source.as_bytes()),
                "score": passed * 25, "reward_rao": rao, "reward_tao": Rao(rao).to_string(),
                "tasks": task(passed), "families": {"algorithms": passed * 25},
                "uploaded_at": "2026-01-01T00:00:00Z",
                "first_submitted_at": "2026-01-01T00:00:00Z",
                "copy_of": copy_of,
            })
        };
        let id = "20260101T120000Z-00000001";
        json!({
            "round": {
                "id": id, "status": "closed", "seed": 7, "salt": "ab",
                "commitment": Round::commitment_to(id, tasks::Seed(7), "ab"),
                "opened_at": "2026-01-01T12:00:00Z", "listed_at": "2026-01-01T12:00:01Z",
                "finished_at": "2026-01-01T12:00:02Z", "tasks": ["two_sum"], "image": "python@sha256:0",
                "isolation": "agent", "pool_tao": "1", "payout": "proportional", "trials": 3, "faults": [],
                "trials_sha256": tasks::Sha256::of(b"trials"),
            },
            "rankings": [
                place(1, "a", "x", 4, 666_666_667, None),
                place(2, "b", "x", 4, 0, Some("a")),
                place(3, "c", "y", 2, 333_333_333, None),
            ],
        })
    }

    fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut value = ranking();
        change(&mut value);
        serde_json::from_value::<Rankings>(value).expect("a ranking's form").check()
    }

    fn check(change: impl FnOnce(&mut Value), words: &str) {
        let problems = problems(change);
        assert!(
            problems.iter().any(|problem| problem.contains(words)),
            "'{words}' is not in {problems:?}"
        );
    }

    #[test]
    fn costs_belong_to_a_model_and_add_up() {
        let priced = |ranking: &mut Value, sum: u64| {
            ranking["round"]["model"] = json!("ollama:m@0");
            for place in ranking["rankings"].as_array_mut().unwrap() {
                place["cost_micro_usd"] = json!(sum);
                place["tasks"]["two_sum"]["cost_micro_usd"] = json!(7);
            }
        };
        assert_eq!(problems(|r| priced(r, 7)), Vec::<String>::new());
        check(|r| priced(r, 8), "is not the sum of the costs");
        check(|r| r["round"]["model"] = json!("ollama:m@0"), "must have a cost on each task");
        check(|r| r["rankings"][0]["cost_micro_usd"] = json!(0), "is not the sum of the costs");
    }

    #[test]
    fn accepts_a_consistent_ranking() {
        assert_eq!(problems(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn names_each_contradiction() {
        check(|v| v["round"]["id"] = "x".repeat(3000).into(), "not the id of a round");
        check(|v| v["round"]["id"] = "a b".into(), "not the id of a round");
        check(|v| v["round"]["opened_at"] = "2026-01-01T11:59:59Z".into(), "opening time");
        check(|v| v["round"]["status"] = "open".into(), "must not reveal");
        check(|v| v["round"]["salt"] = Value::Null, "must reveal");
        check(|v| v["round"]["seed"] = 8.into(), "commitment");
        check(|v| v["round"]["opened_at"] = "2027-01-01T00:00:00Z".into(), "times");
        check(|v| v["round"]["tasks"] = json!([]), "no tasks");
        check(|v| v["round"]["tasks"] = json!(["two_sum", "two_sum"]), "more than once");
        check(|v| v["round"]["trials"] = 4.into(), "states 4 trials");
        check(|v| v["round"]["pool_tao"] = "2".into(), "instead of 2000000000");
        check(|v| v["round"]["pool_tao"] = "1.0".into(), "must be written '1'");
        check(|v| v["rankings"][0]["score"] = json!(1e308), "'a' is not a number");
        check(|v| v["rankings"][2]["score"] = json!(33.333), "'c' is not a number");
        check(|v| v["rankings"][1]["miner_id"] = "a".into(), "ranked more than once");
        check(|v| v["rankings"][1]["rank"] = 1.into(), "rank 1 in place 2");
        check(|v| v["rankings"][2]["tasks"]["two_sum"]["passed"] = 5.into(), "'c' on two_sum");
        check(|v| v["rankings"][0]["tasks"]["two_sum"]["verdict"] = "WA".into(), "'a' on two_sum");
        check(|v| v["rankings"][0]["tasks"] = json!({}), "not those of the round");
        check(|v| v["rankings"][0]["reward_rao"] = 1.into(), "TAO and in rao differ");
        check(|v| v["rankings"][1]["copy_of"] = Value::Null, "copy of no agent");
        check(|v| v["rankings"][2]["copy_of"] = "a".into(), "'c' is listed as a copy of 'a'");
        check(|v| v["rankings"][0]["uploaded_at"] = "2026-02-01T00:00:00Z".into(), "upload times");
        check(
            |v| {
                v["round"]["faults"] =
                    json!([{"miner_id": "a", "task": "two_sum", "fault": "none"}]);
            },
            "ended in a fault",
        );
        // An agent that is left out as not judged, which nothing else contradicts.
        check(
            |v| {
                v["rankings"].as_array_mut().unwrap().pop();
                v["rankings"][0]["reward_rao"] = 1_000_000_000.into();
                v["rankings"][0]["reward_tao"] = "1".into();
                v["round"]["faults"] =
                    json!([{"miner_id": "c", "task": "two_sum", "fault": "none"}]);
            },
            "the round is closed, although 'c' on two_sum is not judged",
        );
        check(|v| v["rankings"].as_array_mut().unwrap().swap(0, 2), "lower score");
    }
}
