//! What a dispatcher promises: every trial is handed out, a batch comes again until its trials have records, and a batch
//! that no worker finishes is a fault and never a verdict.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use harness::Fault;
use harness::round::agent::Agent;
use harness::round::book::RoundOutcome;
use harness::round::dispatch::{BatchLease, MAX_DELIVERIES};
use harness::round::lease::ContainerLease;
use harness::round::work::WorkTools;
use harness::scoring::score::TrialScores;
use tokio::sync::Notify;

/// What a worker does with a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseTreatment {
    /// It runs the batch.
    Run,
    /// It gives the batch back.
    Fail,
    /// It says that the batch is done, and delivers nothing.
    Forget,
}

/// Decides what a worker does with a lease.
pub type TreatLease = Arc<dyn Fn(&BatchLease) -> LeaseTreatment + Send + Sync>;

/// Rounds on `reverse_string` whose trials one worker gets from a dispatcher.
pub trait RoundUnderTest {
    /// Judges a round whose worker treats leases like this.
    async fn judge(&self, agents: Vec<Agent>, repeat: u32, treat: TreatLease) -> RoundOutcome;
}

/// Works until there are no more batches.
pub async fn work(tools: WorkTools<'_>, treat: &TreatLease) {
    while let Some(lease) = tools.dispatcher.next().await.unwrap() {
        match treat(&lease) {
            LeaseTreatment::Run => {
                let container = ContainerLease::new(tools.runner.sandbox());
                tools.run_batch(lease, container, &Notify::new()).await.unwrap();
            }
            LeaseTreatment::Fail => {
                let fault = Fault::Image("none".to_owned());
                tools.dispatcher.failed(lease, fault).await.unwrap();
            }
            LeaseTreatment::Forget => tools.dispatcher.done(lease).await.unwrap(),
        }
    }
}

fn agents() -> Vec<Agent> {
    let source = |name: &str| format!("def reverse_string(s): return s[::-1]  # {name}");
    ["alice", "bob", "carol"].map(|name| Agent::local(name, source(name))).into()
}

/// Judges a round of three agents with two repetitions. Returns the outcome, and how often each agent was leased.
async fn judged(
    rounds: &impl RoundUnderTest,
    treat: impl Fn(&str, u32) -> LeaseTreatment + Send + Sync + 'static,
) -> (RoundOutcome, BTreeMap<String, u32>) {
    let leased = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let counted = Arc::clone(&leased);
    let treat = move |lease: &BatchLease| {
        let agent = &lease.batch.agent;
        assert_eq!(tasks::Sha256::of(lease.batch.source.as_bytes()), agent.sha256);
        let mut leased = counted.lock().unwrap();
        let count = leased.entry(agent.miner_id.to_string()).or_default();
        *count += 1;
        treat(agent.miner_id.as_str(), *count)
    };
    let outcome = rounds.judge(agents(), 2, Arc::new(treat)).await;
    let leased = leased.lock().unwrap().clone();
    (outcome, leased)
}

fn scored(outcome: &RoundOutcome) -> Vec<usize> {
    outcome.scores.values().map(TrialScores::count).collect()
}

/// Checks all promises.
pub async fn check(rounds: &impl RoundUnderTest) {
    // Every batch runs once.
    let (outcome, leased) = judged(rounds, |_, _| LeaseTreatment::Run).await;
    assert_eq!((scored(&outcome), outcome.faults.len()), (vec![2, 2, 2], 0), "{outcome:?}");
    assert!(leased.values().all(|count| *count == 1), "{leased:?}");

    // A batch that was given back, or forgotten, comes again.
    for lost in [LeaseTreatment::Fail, LeaseTreatment::Forget] {
        let treat = move |agent: &str, count| {
            if agent == "bob" && count <= 2 { lost } else { LeaseTreatment::Run }
        };
        let (outcome, leased) = judged(rounds, treat).await;
        assert_eq!((scored(&outcome), outcome.faults.len()), (vec![2, 2, 2], 0), "{lost:?}");
        assert_eq!(leased["bob"], 3, "{lost:?}");
    }

    // A batch that no worker finishes is a fault of each of its trials, which names it. The others have verdicts.
    for lost in [LeaseTreatment::Fail, LeaseTreatment::Forget] {
        let treat = move |agent: &str, _| if agent == "bob" { lost } else { LeaseTreatment::Run };
        let (outcome, leased) = judged(rounds, treat).await;
        assert_eq!(scored(&outcome), [2, 2], "{lost:?}");
        assert_eq!(leased["bob"], MAX_DELIVERIES, "{lost:?}");
        let faults: Vec<_> = outcome.faults.iter().map(|fault| &fault.fault).collect();
        assert_eq!(faults.len(), 2, "{lost:?}");
        for fault in faults {
            assert!(fault.contains("bob (2 trials"), "{fault}");
            assert!(fault.contains("was given to 4 workers"), "{fault}");
        }
    }
}
