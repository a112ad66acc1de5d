//! What a single call costs on the host: reading its outcome, judging it, and ranking at the end.
//!
//!     cargo bench --package harness

use std::collections::BTreeMap;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use harness::round::agent::Agent;
use harness::sandbox::{CallEnd, CallReply};
use harness::scoring::gate::GateHistory;
use harness::scoring::rank::{Contender, RankRules, ScoredTask, rank};
use harness::scoring::reward::{Alpha, Payout, RewardPolicy};
use harness::trial::instance::RoundTask;
use harness::trial::judge::{StopPolicy, TrialJudge};
use platform::api::TaskScore;
use tasks::{CallOutcome, Check, Seed, Sha256, Value, Verdict};

fn main() {
    divan::main();
}

/// Values as calls return them: one number, a list of them, a nested dict.
fn value(kind: &str) -> Value {
    match kind {
        "int" => 7.into(),
        "1,000 ints" => (0..1_000).collect::<Vec<i64>>().into(),
        "100 dicts" => {
            let dict = |n: i64| Value::dict([("name", Value::from("a name")), ("of", n.into())]);
            Value::List((0..100).map(dict).collect())
        }
        other => unreachable!("{other}"),
    }
}

const KINDS: [&str; 3] = ["int", "1,000 ints", "100 dicts"];

#[divan::bench(args = KINDS)]
fn read_an_outcome(bencher: Bencher, kind: &str) {
    let frame = format!("{{\"returned\":{}}}", serde_json::to_string(&value(kind)).unwrap());
    bencher
        .counter(BytesCount::of_str(&frame))
        .bench(|| serde_json::from_str::<CallReply>(black_box(&frame)).unwrap());
}

#[divan::bench(args = KINDS)]
fn write_an_input(bencher: Bencher, kind: &str) {
    let value = value(kind);
    bencher.bench(|| serde_json::to_vec(black_box(&value)).unwrap());
}

#[divan::bench(args = KINDS)]
fn compare(bencher: Bencher, kind: &str) {
    let (check, outcome) = (Check::from(value(kind)), CallOutcome::Returned(value(kind)));
    bencher.bench(|| black_box(&check).judge(black_box(&outcome)));
}

#[divan::bench]
fn judge_a_trial(bencher: Bencher) {
    let task = RoundTask::new(tasks::find("reverse_string").unwrap(), Seed(1));
    let wrong = CallEnd::Outcome(CallOutcome::Returned("wrong".into()));
    bencher.bench(|| {
        let mut judge = TrialJudge::new(&task, StopPolicy::AllCalls);
        for _ in &task.cases {
            let _ = black_box(judge.take(black_box(&wrong)));
        }
        judge
    });
}

#[divan::bench(args = [10, 1_000])]
fn rank_agents(bencher: Bencher, agents: usize) {
    let tasks: Vec<_> =
        tasks::all().into_iter().take(10).map(|task| RoundTask::new(task, Seed(1))).collect();
    let contender = |n: usize| {
        let agent = Agent::local(&format!("agent-{n}"), format!("# {n}\n"));
        let passed = u32::try_from(n % 13).unwrap();
        let score = TaskScore {
            verdict: Verdict::WrongAnswer,
            score: 0.0,
            passed,
            total: 13,
            cost_micro_usd: None,
            repetitions: Vec::new(),
        };
        let scores: BTreeMap<_, _> =
            tasks.iter().map(|task| (task.id().clone(), score.clone())).collect();
        Contender::new(&agent, scores)
    };
    let (pool, payout) = ("100".parse().unwrap(), Payout::Proportional);
    let reward = RewardPolicy { pool, payout, alpha: Alpha::default() };
    let (commitment, history) = (&Sha256::of(b"round"), &GateHistory::default());
    let tasks: Vec<_> = tasks.iter().map(|task| ScoredTask::from(&task.task)).collect();
    let rules = RankRules { tasks: &tasks, repeat: 1, commitment, reward, history };
    bencher
        .with_inputs(|| (0..agents).map(contender).collect::<Vec<_>>())
        .bench_values(|contenders| rank(contenders, &rules));
}
