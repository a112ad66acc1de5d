//! Closed rounds as a reader has them, whether as reports or as published rankings, and the chain that they form.

use jiff::Timestamp;
use platform::api::{PreviousRound, PublicSigner, RANKING_NAMESPACE, Rankings, RoundStatus};
use platform::signing::TrustedSigners;
use serde::Deserialize as _;
use serde_json::Value;

use crate::scoring::unique_fields::UniqueFields;

/// A closed round.
#[derive(Clone, Debug)]
pub struct ClosedRound {
    /// Its ranking
    pub ranked: Rankings,
    /// What the next round states of it
    pub link: PreviousRound,
}

/// Why a document is not a closed round.
#[derive(Debug, thiserror::Error)]
pub enum ClosedRoundError {
    /// It is not a report or a ranking.
    #[error("it is neither a report nor a published ranking: {0}")]
    Form(#[from] serde_json::Error),
    /// The round is open.
    #[error("round {0} is open; only closed rounds are links of the chain")]
    Open(String),
}

impl ClosedRound {
    /// Parses a report or a published ranking.
    pub fn parse(json: &[u8]) -> Result<Self, ClosedRoundError> {
        serde_json::from_slice::<UniqueFields>(json)?;
        let document: Value = serde_json::from_slice(json)?;
        let ranked = Rankings::deserialize(&document)?;
        if ranked.round.status == RoundStatus::Open {
            return Err(ClosedRoundError::Open(ranked.round.id));
        }
        // Of the document as it is, so that the digest does not depend on this version's fields.
        let link = PreviousRound::of_document(&document).unwrap_or_else(|| ranked.link());
        Ok(Self { ranked, link })
    }

    /// The key that the round is signed with, if it is signed.
    pub fn signer(&self) -> Option<PublicSigner> {
        self.ranked.signature.as_ref()?.signer(RANKING_NAMESPACE).ok()
    }

    /// Returns a sentence if the round is not signed with a trusted key.
    pub fn refused_by(&self, trusted: &TrustedSigners) -> Option<String> {
        let id = &self.link.id;
        match self.signer() {
            None => Some(format!(
                "round {id} has no valid signature, and one by a key of {} is expected",
                trusted.path().display()
            )),
            Some(signer) => trusted.refuse(&signer).map(|reason| format!("round {id}: {reason}")),
        }
    }

    fn opened_at(&self) -> Timestamp {
        self.ranked.round.opened_at
    }
}

/// Returns one sentence for each earlier round that is not the one that the round after it names.
pub fn check_chain(newest: &ClosedRound, earlier: &[ClosedRound]) -> Vec<String> {
    let mut earlier: Vec<_> = earlier.iter().collect();
    earlier.sort_by_key(|round| std::cmp::Reverse(round.opened_at()));
    let (mut problems, mut after) = (Vec::new(), newest);
    for before in earlier {
        let (id, given) = (&after.link.id, &before.link);
        match &after.ranked.round.previous {
            Some(stated) if stated == given => {}
            Some(stated) if stated.id == given.id => problems.push(format!(
                "broken chain: round {id} names {} with the digest {}, but the one given has {}",
                given.id, stated.digest, given.digest
            )),
            Some(stated) => problems.push(format!(
                "broken chain: round {id} names {} as the closed round before it, not {}",
                stated.id, given.id
            )),
            None => problems.push(format!(
                "broken chain: round {id} names no closed round before it, so it does not follow {}",
                given.id
            )),
        }
        after = before;
    }
    problems
}

#[cfg(test)]
mod tests {
    use platform::signing::SigningKey;
    use serde_json::json;
    use tasks::Sha256;

    use super::*;

    /// A closed round without agents after another one.
    fn round(day: u32, previous: Option<&ClosedRound>, key: Option<&SigningKey>) -> Value {
        let time = format!("2026-01-0{day}T00:00:00Z");
        let mut document = json!({
            "round": {
                "id": format!("2026010{day}T000000Z-00000001"), "status": "closed", "seed": 1, "salt": "ab",
                "commitment": Sha256::of(b""), "opened_at": time, "listed_at": time, "finished_at": time,
                "tasks": ["two_sum"], "image": "x", "isolation": "agent", "pool_tao": "1",
                "payout": "proportional", "alpha": 0.05, "trials": 0, "faults": [], "trials_sha256": Sha256::of(b""),
            },
            "rankings": [],
        });
        if let Some(previous) = previous {
            document["round"]["previous"] = json!(previous.link);
        }
        if let Some(key) = key {
            let statement = Rankings::deserialize(&document).unwrap().statement();
            document["signature"] = json!(key.sign(RANKING_NAMESPACE, statement));
        }
        document
    }

    fn parsed(document: &Value) -> ClosedRound {
        ClosedRound::parse(document.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn every_round_names_the_one_before_it() {
        let first = parsed(&round(1, None, None));
        let second = parsed(&round(2, Some(&first), None));
        let third = parsed(&round(3, Some(&second), None));
        let check = |newest: &ClosedRound, earlier: &[&ClosedRound], words: &[&str]| {
            let earlier: Vec<_> = earlier.iter().map(|round| (*round).clone()).collect();
            let problems = check_chain(newest, &earlier);
            assert_eq!(problems.len(), words.len(), "{problems:?}");
            for (problem, words) in problems.iter().zip(words) {
                assert!(problem.contains(words), "{words:?} is not in {problem}");
            }
        };
        check(&third, &[&first, &second], &[]);
        check(&third, &[&second], &[]);
        check(&third, &[], &[]);
        // A round is left out, replaced, or in the wrong place.
        check(
            &third,
            &[&first],
            &["names 20260102T000000Z-00000001 as the closed round before it"],
        );
        let mut document = round(2, Some(&first), None);
        document["round"]["pool_tao"] = "2".into();
        let other = parsed(&document);
        check(&third, &[&other, &first], &["with the digest"]);
        check(&first, &[&second], &["names no closed round before it"]);
        let alone = parsed(&round(3, None, None));
        check(&alone, &[&second, &first], &["names no closed round before it"]);
    }

    #[test]
    fn a_round_is_signed_by_a_trusted_key_or_refused() {
        let (key, other) = (SigningKey::of_seed(&[1; 32]), SigningKey::of_seed(&[2; 32]));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signers");
        std::fs::write(&path, key.public().to_openssh()).unwrap();
        let trusted = TrustedSigners::read(&path, RANKING_NAMESPACE).unwrap();
        let refused = |key| parsed(&round(1, None, key)).refused_by(&trusted).unwrap_or_default();
        assert_eq!(refused(Some(&key)), "");
        assert!(
            refused(Some(&other)).contains("which is not a key of"),
            "{}",
            refused(Some(&other))
        );
        assert!(refused(None).contains("has no valid signature"), "{}", refused(None));
    }

    #[test]
    fn only_closed_rounds_are_links() {
        let mut open = round(1, None, None);
        open["round"]["status"] = "open".into();
        for (document, words) in
            [(open.to_string(), "is open"), ("{}".to_owned(), "neither a report nor")]
        {
            let error = ClosedRound::parse(document.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
