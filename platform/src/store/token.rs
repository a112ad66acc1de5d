//! The secret that owns a miner's id: issued once, kept only as a digest, compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq as _;
use tasks::Sha256;

/// A new token: 256 random bits behind a prefix that secret scanners can find.
pub(super) struct OwnerToken(String);

impl OwnerToken {
    /// Draws a token from the operating system's generator.
    pub(super) fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        let mut text = String::from("arena_");
        for byte in bytes {
            fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"))
                .expect("writing to a String does not fail");
        }
        Self(text)
    }

    pub(super) fn sha256(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Returns whether `token` has this digest. The time that this takes depends on neither.
pub(super) fn matches_digest(token: &str, sha256: &Sha256) -> bool {
    let given = Sha256::of(token.as_bytes());
    given.as_str().as_bytes().ct_eq(sha256.as_str().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_only_the_right_one_matches() {
        let (one, other) = (OwnerToken::random(), OwnerToken::random());
        assert!(matches_digest(&one.0, &one.sha256()));
        assert!(!matches_digest(&other.0, &one.sha256()));
        assert!(!matches_digest("", &one.sha256()));
        assert_eq!(one.0.len(), 6 + 64);
    }
}
