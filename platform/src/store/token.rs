//! The secret that owns a miner's id: shown once, kept only as a digest, compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq as _;
use tasks::Sha256;

/// A new token: 256 random bits behind a prefix that secret scanners can find.
pub(crate) struct Token(String);

impl Token {
    /// Draws a token from the operating system's generator.
    pub(crate) fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        let mut text = String::from("arena_");
        for byte in bytes {
            fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"))
                .expect("writing to a String does not fail");
        }
        Self(text)
    }

    pub(crate) fn sha256(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Whether `token` is the one of that digest. How long this takes tells nothing of either.
pub(crate) fn is_token_of(token: &str, sha256: &Sha256) -> bool {
    let given = Sha256::of(token.as_bytes());
    given.as_str().as_bytes().ct_eq(sha256.as_str().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_only_the_right_one_matches() {
        let (one, other) = (Token::random(), Token::random());
        assert!(is_token_of(&one.0, &one.sha256()));
        assert!(!is_token_of(&other.0, &one.sha256()));
        assert!(!is_token_of("", &one.sha256()));
        assert_eq!(one.0.len(), 6 + 64);
    }
}
