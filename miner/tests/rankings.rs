//! The demo's rankings, held to snapshots: three samples, uploaded over HTTP, evaluated in the real sandbox.
//!
//! The tasks are named here, so that a new task of the arena does not change the rankings. If they change all
//! the same, either a task, a sample or the way from evidence to reward is another than before.

use std::sync::Arc;
use std::time::Duration;

use harness::round::agent::Agent;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::results::Results;
use harness::round::run as round;
use harness::sandbox::{self, SandboxSettings};
use harness::scoring::rank::{self, Contender};
use harness::scoring::report;
use harness::scoring::reward::{Payout, RewardPolicy};
use harness::trial::instance::RoundTask;
use platform::api::{Ranking, Rankings};
use serde_json::{Value, json};
use support::{Platform, beside};
use tasks::Seed;

mod support;

const SEED: Seed = Seed(2026);

const TASKS: [&str; 10] = [
    "reverse_string",
    "word_count",
    "fizz_buzz",
    "factorial",
    "common_elements",
    "merge_intervals",
    "roman_to_int",
    "two_sum",
    "lru_cache",
    "review_web_app",
];

/// Runs a round of everything that is stored on the platform.
async fn evaluate(platform: &Platform, tasks: &[&str]) -> Vec<Ranking> {
    let task = |id: &&str| RoundTask::new(tasks::find(id).unwrap(), SEED);
    let tasks: Arc<[RoundTask]> = tasks.iter().map(task).collect();
    let stored = platform.store.agents().unwrap().agents;
    let agents: Vec<_> =
        stored.into_iter().map(|meta| Agent::stored(&platform.store, meta)).collect();
    let sandbox = sandbox::open(&SandboxSettings::default(), &|_| ()).await.unwrap();
    let plan = RoundPlan {
        agents: agents.clone(),
        tasks: tasks.clone(),
        results: Some(Results::of(&platform.store)),
        jobs: 2,
        isolation: Isolation::Agent,
        partition: None,
        shrinking: Duration::ZERO,
    };
    let outcome = round::run(&sandbox, plan, Arc::new(|_| ())).await;
    sandbox.cleanup().await.unwrap();
    let outcome = outcome.unwrap();
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    let contender = |(index, scores): (usize, _)| Contender::new(&agents[index], scores);
    let contenders = outcome.scores.into_iter().map(contender).collect();
    let pool = "100".parse().unwrap();
    rank::rank(contenders, &tasks, RewardPolicy { pool, payout: Payout::Proportional })
}

/// The rankings of a round whose times and ids are always the same.
fn rankings(rankings: Vec<Ranking>) -> Rankings {
    let round = serde_json::from_value(json!({
        "id": "a round", "seed": SEED, "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:01:00Z", "tasks": TASKS, "image": "python", "isolation": "agent",
        "pool_tao": "100", "payout": "proportional", "trials": 30, "cached": 0, "faults": [],
    }));
    Rankings { round: round.unwrap(), rankings }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_are_ranked_as_they_should_be() {
    let platform = Platform::start().await;
    for sample in ["good", "partial", "bad"] {
        let model = format!("sample:{sample}");
        let ran = platform.miner(&["mine", "--miner", sample, "--model", &model, "--no-try"]).await;
        ran.check(0, &["uploaded as version 1"]);
    }
    let rankings = rankings(evaluate(&platform, &TASKS).await);
    let mut as_json = serde_json::to_value(&rankings.rankings).unwrap();
    for ranking in as_json.as_array_mut().unwrap() {
        ranking["agent_sha256"] = Value::from("[sha256]");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_json_snapshot!("rankings", as_json);
        insta::assert_snapshot!("rankings_console", report::rankings(&rankings));
    });
    assert_eq!(rankings.rankings[0].score.to_bits(), 100_f64.to_bits());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_needed_two_attempts_is_ranked_first() {
    let platform = Platform::start().await;
    let replay = format!("replay:{}", beside("replays/two_attempts").display());
    for (miner, model) in [("bad", "sample:bad"), ("me", &replay)] {
        let ran = platform.miner(&["mine", "--miner", miner, "--model", model]).await;
        ran.check(0, &["uploaded as version 1"]);
    }
    let ranked = evaluate(&platform, &["reverse_string", "roman_to_int"]).await;
    let places: Vec<_> = ranked.iter().map(|r| (r.rank, r.miner_id.as_str())).collect();
    assert_eq!(places, [(1, "me"), (2, "bad")]);
    assert_eq!(ranked[0].score.to_bits(), 100_f64.to_bits());
    assert!(ranked[1].score < 50.0, "{ranked:?}");
}
