//! The seed of a round: drawn, stored, and committed to before the round.

use std::path::PathBuf;

use platform::store::{RoundFile, Store, StoreError};
use tasks::{Seed, Sha256};

/// Draws a seed that could not be known before. Below 2^53, so that every reader of JSON keeps it whole.
pub fn drawn_seed() -> Seed {
    Seed(rand::random_range(0..1 << 53))
}

/// What can be published before a round: it binds to the seed and does not reveal it. The report
/// reveals seed and salt.
pub fn commitment(seed: Seed, salt: &str) -> Sha256 {
    Sha256::of(format!("{seed}:{salt}").as_bytes())
}

/// Returns the seed of the store's round. Without a round, draws a seed and stores it, so that later
/// evaluations use the same one.
pub fn seed_of_store(store: &Store) -> Result<Seed, StoreError> {
    if let Some(round) = store.round()? {
        return Ok(round.seed);
    }
    let round = new_round(drawn_seed(), None);
    store.put_round(&round)?;
    Ok(round.seed)
}

/// Which seed a round has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedChoice {
    /// The store's, drawn if it has none
    Stored,
    /// A new one
    Fresh,
    /// This one
    Fixed(Seed),
}

/// Why no round can be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenRoundError {
    /// The stored seed was committed to and is not used yet: without it the commitment can never be opened.
    #[error(
        "{} holds a seed that was committed to and not used yet; run 'arena evaluate' without --seed and \
         --new-seed, or remove {} to give up the commitment",
        .store.display(),
        .round.display()
    )]
    UnusedCommitment {
        /// The store's directory
        store: PathBuf,
        /// The round's file
        round: PathBuf,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the store's round if it has the chosen seed, and a new one otherwise.
pub fn open_round(store: &Store, choice: SeedChoice) -> Result<RoundFile, OpenRoundError> {
    let seed = match choice {
        SeedChoice::Stored => seed_of_store(store)?,
        SeedChoice::Fresh => drawn_seed(),
        SeedChoice::Fixed(seed) => seed,
    };
    match store.round()? {
        Some(round) if round.seed == seed => Ok(round),
        other => {
            check_no_commitment(other.as_ref(), store)?;
            Ok(new_round(seed, None))
        }
    }
}

/// Stores a round with a secret seed, and returns the commitment to publish.
pub fn commit_round(store: &Store) -> Result<Sha256, OpenRoundError> {
    check_no_commitment(store.round()?.as_ref(), store)?;
    let seed = drawn_seed();
    // With 256 secret bits next to it, the seed cannot be found by trying.
    let salt: String = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    let commitment = commitment(seed, &salt);
    store.put_round(&new_round(seed, Some(salt)))?;
    Ok(commitment)
}

fn new_round(seed: Seed, salt: Option<String>) -> RoundFile {
    RoundFile { seed, salt, image: String::new(), tasks: Vec::new() }
}

fn check_no_commitment(round: Option<&RoundFile>, store: &Store) -> Result<(), OpenRoundError> {
    match round {
        Some(round) if round.salt.is_some() && round.image.is_empty() => {
            let (store, round) = (store.root().to_owned(), store.root().join("round.json"));
            Err(OpenRoundError::UnusedCommitment { store, round })
        }
        _ => Ok(()),
    }
}
