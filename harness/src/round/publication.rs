//! Publishing the trials of a ranking, so that miners learn why their agents have their scores.
//!
//! A round of thousands of agents is published again whenever one of them changed. What was published is therefore
//! remembered by a digest per agent, of everything that decides it, without reading the trial records again. The digests
//! stay with the validator: they depend on the secret seed.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use platform::MinerId;
use platform::api::{AgentResults, DisclosedTrial, FaultRecord, Rankings, Round, RoundStatus};
use platform::store::Store;
use tasks::Sha256;

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::pool::{WorkQueue, run_workers};
use crate::round::remote::{PlatformSender, RemoteValidator};
use crate::round::results::{Environment, Results, TrialIdentity, trials_of};
use crate::round::standings::{Publication, Standings, TrialsShown};
use crate::trial::record::Disclose;

/// Changes with the form of what is published, so that everything is published again.
const FORM: &str = "1";

/// The trials of a published ranking.
pub struct TrialsPublication<'a> {
    standings: &'a Standings<'a>,
    rankings: Rankings,
}

impl<'a> TrialsPublication<'a> {
    /// The trials of the ranking that was computed from the standings. `None` if it is not published, and is not the
    /// published one of a closed round either.
    pub fn of(standings: &'a Standings<'a>, computed: &Rankings) -> Result<Option<Self>, Fault> {
        if standings.is_published(computed) {
            return Ok(Some(Self { standings, rankings: computed.clone() }));
        }
        if standings.publication != Publication::Recomputed {
            return Ok(None);
        }
        let stored = standings.store.rankings()?.filter(|stored| {
            stored.round.id == computed.round.id
                && stored.round.status == RoundStatus::Closed
                && stored.rankings == computed.rankings
                && stored.round.faults == computed.round.faults
        });
        Ok(stored.map(|rankings| Self { standings, rankings }))
    }

    /// Writes the trials of every agent of which something changed into the store. Returns the number of these agents.
    pub fn store(&self) -> Result<usize, Fault> {
        let Self { standings, rankings } = self;
        let (store, round) = (standings.store, &rankings.round);
        store.begin_trials(&round.id)?;
        let mut published = store.published_trials(&round.id)?;
        let faults = faults_by_agent(round);
        // What an agent left behind that is no longer in the ranking is not sent with it.
        let agents: HashSet<_> = standings.agents.iter().map(|agent| &agent.miner_id).collect();
        let known = published.stored.len();
        published.stored.retain(|miner_id, _| agents.contains(miner_id));
        let mut changed = published.stored.len() < known;
        let mut written = 0;
        for agent in standings.agents {
            let faults = faults.get(&agent.miner_id).cloned().unwrap_or_default();
            let state = self.state(agent, &faults)?;
            let is_known = published.stored.get(&agent.miner_id) == Some(&state);
            if is_known && store.has_trials(&round.id, &agent.miner_id) {
                continue;
            }
            let trials = standings.trials_of(agent, self.shown());
            let shortened = |trial: DisclosedTrial| DisclosedTrial {
                record: trial.record.shortened(),
                ..trial
            };
            let results = AgentResults {
                round: round.id.clone(),
                miner_id: agent.miner_id.clone(),
                agent_sha256: agent.sha256.clone(),
                trials: trials.map(|trial| trial.map(shortened)).collect::<Result<_, _>>()?,
                faults,
            };
            store.put_trials(&results)?;
            published.stored.insert(agent.miner_id.clone(), state);
            written += 1;
            changed = true;
        }
        if changed {
            store.put_published_trials(&round.id, &published)?;
        }
        Ok(written)
    }

    /// Sends the trials that the platform does not have yet from the store. Returns the number of agents. What was sent
    /// before a failure is not sent again.
    pub async fn send(&self, validator: &RemoteValidator<'_>) -> Result<usize, Fault> {
        let (store, round) = (self.standings.store, &self.rankings.round.id);
        let mut published = store.published_trials(round)?;
        let sent = published.sent.entry(validator.url.to_owned()).or_default();
        let is_missing =
            |(miner_id, state): &(&MinerId, &Sha256)| sent.get(*miner_id) != Some(state);
        let missing = published.stored.iter().filter(is_missing);
        let queue =
            WorkQueue::new(missing.map(|(miner_id, state)| (miner_id.clone(), state.clone())));
        let sending = Arc::new(Sending {
            store: store.clone(),
            round: round.clone(),
            sender: validator.sender(),
            queue,
            done: Mutex::default(),
        });
        let ended = run_workers(SENDERS, || work(Arc::clone(&sending))).await;
        let done =
            std::mem::take(&mut *sending.done.lock().unwrap_or_else(PoisonError::into_inner));
        let count = done.len();
        sent.extend(done);
        if count > 0 {
            store.put_published_trials(round, &published)?;
        }
        ended.map(|_| count)
    }

    /// What is published of each trial. Hidden cases are the same until the round closes, so they are not published before,
    /// although the validator's own report may have them.
    fn shown(&self) -> TrialsShown {
        let status = self.rankings.round.status;
        let disclose = match (status, self.standings.disclose) {
            (RoundStatus::Open, Disclose::All) => Disclose::Public,
            (_, disclose) => disclose,
        };
        TrialsShown { status, disclose }
    }

    /// The digest of everything that decides what is published of an agent.
    fn state(&self, agent: &Agent, faults: &[FaultRecord]) -> Result<Sha256, Fault> {
        let Standings { store, definition, tasks, .. } = self.standings;
        let TrialsShown { status, disclose } = self.shown();
        let results = Results::of(store);
        let environment = &Environment::new(&definition.image, definition.model.as_deref());
        let mut text = format!("{FORM}\n{disclose}\n{status:?}\n{}\n", agent.sha256);
        for (task, repetition) in trials_of(tasks, definition.repeat) {
            let identity = TrialIdentity { agent: &agent.sha256, task, repetition, environment };
            let key = identity.key();
            // A record that was written again may differ in what it says.
            let _ = match results.stamp(&key)? {
                Some(stamp) => writeln!(text, "{key} {stamp}"),
                None => writeln!(text, "{key}"),
            };
        }
        for FaultRecord { task, repetition, fault, .. } in faults {
            let _ = writeln!(text, "{task} {repetition} {fault}");
        }
        Ok(Sha256::of(text.as_bytes()))
    }
}

/// The number of agents whose trials are sent at the same time.
const SENDERS: usize = 8;

/// What the workers share that send trials to a platform.
struct Sending {
    store: Store,
    round: String,
    sender: PlatformSender,
    queue: WorkQueue<(MinerId, Sha256)>,
    done: Mutex<Vec<(MinerId, Sha256)>>,
}

async fn work(sending: Arc<Sending>) -> Result<(), Fault> {
    while let Some((miner_id, state)) = sending.queue.next() {
        // Someone may have removed the file: the next evaluation writes it again.
        let Some(results) = sending.store.trials(&sending.round, &miner_id)? else { continue };
        sending.sender.send_results(&results).await?;
        sending.done.lock().unwrap_or_else(PoisonError::into_inner).push((miner_id, state));
    }
    Ok(())
}

fn faults_by_agent(round: &Round) -> HashMap<&MinerId, Vec<FaultRecord>> {
    let mut faults = HashMap::<_, Vec<_>>::new();
    for fault in &round.faults {
        faults.entry(&fault.miner_id).or_default().push(fault.clone());
    }
    faults
}
