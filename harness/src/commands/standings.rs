//! The end of a round, however its scores came about: rank, write down, print.

use std::collections::BTreeMap;

use ::tasks::TaskId;
use harness::Fault;
use harness::console::Console;
use harness::round::results::{Found, Results};
use harness::round::run::Agent;
use harness::scoring::rank::{self, Contender};
use harness::scoring::report;
use harness::trial::instance::Prepared;
use harness::trial::record::{Disclose, TrialRecord};
use platform::rankings::{Rankings, Round, TaskScore};
use platform::store::Store;

use super::{Failure, print};
use crate::cli::RewardArgs;

/// A round whose trials are over.
pub struct Standings<'a> {
    /// Where the results lie
    pub store: &'a Store,
    /// The agents of the round
    pub agents: &'a [Agent],
    /// Its tasks
    pub tasks: &'a [Prepared],
    /// The id of its image
    pub image: &'a str,
    /// What each agent, by its index, got on each task
    pub scores: BTreeMap<usize, BTreeMap<TaskId, TaskScore>>,
    /// The round itself
    pub round: Round,
    /// What is told of failed cases
    pub disclose: Disclose,
    /// Whether this becomes the store's ranking, if it is complete
    pub publish: bool,
}

impl Standings<'_> {
    /// Ranks the agents that have a verdict on every task, keeps the rankings if nobody is missing, and
    /// prints. An agent with a trial that ended in a fault has no score, so it has no rank either.
    pub fn tell(
        mut self,
        reward: &RewardArgs,
        json: bool,
        console: &Console,
    ) -> Result<Rankings, Failure> {
        let scores = std::mem::take(&mut self.scores);
        let complete = scores.into_iter().filter(|(_, tasks)| tasks.len() == self.tasks.len());
        let contenders = complete.map(|(index, tasks)| Contender::new(&self.agents[index], tasks));
        let rankings = rank::rank(contenders.collect(), self.tasks, reward.pool, reward.payout);
        let rankings = Rankings { round: self.round.clone(), rankings };
        let faultless = self.round.faults.is_empty();
        if faultless && self.publish {
            self.store.put_rankings(&rankings)?;
        }
        if json {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            report::write_evaluation(&mut out, &self.round, self.records(), &rankings.rankings)?;
            print_end(&mut out)?;
        } else {
            print(&report::rankings(&rankings))?;
        }
        let path = self.store.root().join("rankings.json");
        match (faultless, self.publish) {
            (true, true) => console.say(&format!("rankings: {}", path.display())),
            (true, false) => {
                console.say("this is nobody's official ranking: the published one stays as it was");
            }
            (false, _) => {
                console.say(&format!(
                    "{} trials could not be run: this ranking is incomplete, and {} stays as it was",
                    self.round.faults.len(),
                    path.display()
                ));
                return Err(Failure::Faults);
            }
        }
        Ok(rankings)
    }

    /// Every trial that has a result, read from its file when its turn comes.
    fn records(&self) -> impl Iterator<Item = Result<TrialRecord, Fault>> {
        let results = Results::of(self.store);
        let trials =
            self.agents.iter().flat_map(|agent| self.tasks.iter().map(move |t| (agent, t)));
        trials.filter_map(move |(agent, prepared)| {
            let key = Results::key(&agent.sha256, prepared, self.image);
            match results.get(&key) {
                Ok(Found::Result(result)) => {
                    let result = result.disclosed(self.disclose);
                    Some(Ok(TrialRecord { miner_id: agent.miner_id.clone(), result }))
                }
                Ok(Found::Nothing | Found::Corrupt(_)) => None,
                Err(fault) => Some(Err(fault)),
            }
        })
    }
}

fn print_end(out: &mut impl std::io::Write) -> Result<(), Fault> {
    let ended = writeln!(out).and_then(|()| out.flush());
    ended.map_err(|cause| Fault::File { action: "write to", path: "standard output".into(), cause })
}

/// The store's agents. What stands among them and is none is told and passed over.
pub fn stored_agents(store: &Store, console: &Console) -> Result<Vec<Agent>, Failure> {
    let listing = store.agents()?;
    for damaged in &listing.damaged {
        console.say(&format!("warning: {damaged}"));
    }
    if listing.agents.is_empty() {
        console.say(&format!(
            "there are no agents in {}; 'miner mine' makes one, 'miner upload' uploads one",
            store.root().display()
        ));
    }
    Ok(listing.agents.into_iter().map(|meta| Agent::stored(store, meta)).collect())
}
