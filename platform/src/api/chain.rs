//! The chain of closed rounds: each one names the closed round before it by id and digest, so that no round can be
//! withdrawn or replaced unseen. And what the signature of a closed round is of.

use serde::Serialize;
use serde_json::{Value, json};
use tasks::Sha256;

use super::canonical::canonical_json;
use super::rankings::{PreviousRound, Rankings};

/// What the signatures of closed rounds are for, in the terms of `ssh-keygen -Y verify -n`.
pub const RANKING_NAMESPACE: &str = "arena-round";

impl PreviousRound {
    /// What the next closed round states of the one in this document: a report or a published ranking, whatever version
    /// of the arena wrote it. `None` if the document has no round.
    pub fn of_document(document: &Value) -> Option<Self> {
        let (round, rankings) = (document.get("round")?, document.get("rankings")?);
        let id = round.get("id")?.as_str()?.to_owned();
        Some(Self { id, digest: digest(round, rankings) })
    }
}

impl Rankings {
    /// Returns the digest of `round` and `rankings`, which a report and a published ranking have in common. It depends
    /// neither on what a report discloses nor on who signed it.
    pub fn digest(&self) -> Sha256 {
        digest(&to_value(&self.round), &to_value(&self.rankings))
    }

    /// What the next closed round states of this one.
    pub fn link(&self) -> PreviousRound {
        PreviousRound { id: self.round.id.clone(), digest: self.digest() }
    }

    /// The text that is signed when the round closes.
    pub fn statement(&self) -> String {
        let previous = match &self.round.previous {
            Some(PreviousRound { id, digest }) => format!("{id} sha256:{digest}"),
            None => "none".to_owned(),
        };
        format!(
            "arena round {}\nranking sha256:{}\nprevious {previous}\n",
            self.round.id,
            self.digest()
        )
    }
}

fn digest(round: &Value, rankings: &Value) -> Sha256 {
    Sha256::of(canonical_json(&json!({"round": round, "rankings": rankings})).as_bytes())
}

fn to_value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("a ranking is plain data")
}
