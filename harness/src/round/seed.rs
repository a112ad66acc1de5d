//! Opening a round: its secret seed is drawn, stored, and committed to before any agent is judged.

use jiff::Timestamp;
use platform::api::{PreviousRound, Round};
use platform::store::{RoundDefinition, Store, StoreError};
use tasks::Seed;

/// Draws a seed that could not be known before. Below 2^53, so that every reader of JSON keeps it whole.
pub fn drawn_seed() -> Seed {
    Seed(rand::random_range(0..1 << 53))
}

/// Which round to judge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundRequest {
    /// The seed of the round; the open round's or a new one if none
    pub seed: Option<Seed>,
    /// Judge only versions that were uploaded before the round was opened
    pub frozen: bool,
    /// The closed round before a new one, if the store has none
    pub previous: Option<PreviousRound>,
}

/// The open round of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedRound {
    /// The round
    pub round: RoundDefinition,
    /// Whether it was opened just now
    pub is_new: bool,
}

/// Why a round cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenRoundError {
    /// Another round is open.
    #[error(
        "round {id} is open with another seed; close it with 'arena evaluate --close', or leave out --seed"
    )]
    OtherSeed {
        /// The open round
        id: String,
    },
    /// The open round was opened without freezing the agents.
    #[error("round {id} is open and not frozen; close it first, or leave out --freeze")]
    NotFrozen {
        /// The open round
        id: String,
    },
    /// Everyone knows the seed, so a table of answers could win.
    #[error(
        "seed {0} was revealed when an earlier round was closed; leave out --seed to draw a secret one"
    )]
    Revealed(Seed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the store's open round, or opens one.
pub fn open_round(store: &Store, request: RoundRequest) -> Result<OpenedRound, OpenRoundError> {
    if let Some(round) = store.open_round()? {
        if request.seed.is_some_and(|seed| seed != round.seed) {
            return Err(OpenRoundError::OtherSeed { id: round.id });
        }
        if request.frozen && !round.frozen {
            return Err(OpenRoundError::NotFrozen { id: round.id });
        }
        return Ok(OpenedRound { round, is_new: false });
    }
    if let Some(seed) = request.seed
        && store.revealed_seeds()?.contains(&seed)
    {
        return Err(OpenRoundError::Revealed(seed));
    }
    let previous = store.latest_closed(None)?.or(request.previous);
    let opened_at = Timestamp::now();
    let round = RoundDefinition {
        id: format!("{}{:08x}", Round::id_prefix(opened_at), rand::random::<u32>()),
        seed: request.seed.unwrap_or_else(drawn_seed),
        // With 256 secret bits next to it, the seed cannot be found by trying.
        salt: format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()),
        opened_at,
        frozen: request.frozen,
        image: String::new(),
        isolation: String::new(),
        repeat: 1,
        model: None,
        tasks: Vec::new(),
        private: None,
        previous,
    };
    store.put_open_round(&round)?;
    Ok(OpenedRound { round, is_new: true })
}

#[cfg(test)]
mod tests {
    use platform::api::{Rankings, RoundStatus};

    use super::*;

    /// Closes a round as an evaluation of no agents does.
    fn close(store: &Store, open: &RoundDefinition) {
        let round = Round {
            id: open.id.clone(),
            status: RoundStatus::Closed,
            commitment: open.commitment(),
            seed: Some(open.seed),
            salt: Some(open.salt.clone()),
            opened_at: open.opened_at,
            listed_at: open.opened_at,
            finished_at: open.opened_at,
            frozen: open.frozen,
            partial: false,
            tasks: Vec::new(),
            private: None,
            image: "x".into(),
            isolation: "agent".into(),
            repeat: 1,
            model: None,
            pool_tao: "100".into(),
            payout: "proportional".into(),
            alpha: 0.05,
            screening: None,
            top: None,
            stopped: Vec::new(),
            resolution: None,
            gate: None,
            trials: 0,
            faults: Vec::new(),
            trials_sha256: None,
            previous: open.previous.clone(),
        };
        let rankings = Rankings { round, rankings: Vec::new(), signature: None };
        store.close_round(&rankings).unwrap();
    }

    #[test]
    fn an_open_round_keeps_its_seed_and_a_closed_one_never_lends_it_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let first = open_round(&store, RoundRequest::default()).unwrap();
        assert!(first.is_new);
        let again = open_round(&store, RoundRequest::default()).unwrap();
        assert_eq!(again, OpenedRound { is_new: false, ..first.clone() });

        let seed = first.round.seed;
        let other = RoundRequest { seed: Some(Seed(seed.0 ^ 1)), ..RoundRequest::default() };
        let error = open_round(&store, other).unwrap_err().to_string();
        assert!(error.contains("--close"), "{error}");
        let frozen = RoundRequest { frozen: true, ..RoundRequest::default() };
        let error = open_round(&store, frozen).unwrap_err().to_string();
        assert!(error.contains("not frozen"), "{error}");

        close(&store, &first.round);
        let revealed = RoundRequest { seed: Some(seed), ..RoundRequest::default() };
        let error = open_round(&store, revealed);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("was revealed"), "{error}");
        let second = open_round(&store, RoundRequest::default()).unwrap();
        assert!(second.is_new && second.round.seed != seed && second.round.id != first.round.id);
        // It names the round before it.
        let before = second.round.previous.as_ref().map(|previous| &previous.id);
        assert_eq!((first.round.previous, before), (None, Some(&first.round.id)));
    }
}
