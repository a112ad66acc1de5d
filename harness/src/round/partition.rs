//! Parts of a round that run on different machines.
//!
//! The key of a trial decides its part, whatever other agents and tasks there are: a part stays the same
//! when agents are added.

use std::str::FromStr;

use tasks::Sha256;

/// One part of a round: part `k` of `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    part: u64,
    of: u64,
}

/// The text is not a part.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a part; expected 'k/n', such as 1/4, with 1 <= k <= n <= 10000")]
pub struct ParsePartitionError(String);

impl Partition {
    /// Whether the trial with this key belongs to the part.
    pub fn has(self, key: &Sha256) -> bool {
        let number = u64::from_str_radix(&key.as_str()[..16], 16).expect("a digest is hex digits");
        number % self.of == self.part - 1
    }
}

impl FromStr for Partition {
    type Err = ParsePartitionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(part, of)| {
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let number = |text: &str| text.parse().ok().filter(|_| plain(text));
            Some(Self { part: number(part)?, of: number(of)? })
        });
        let valid = |p: &Self| (1..=p.of).contains(&p.part) && p.of <= 10_000;
        parsed.filter(valid).ok_or_else(|| ParsePartitionError(text.to_owned()))
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigns_every_trial_to_exactly_one_part() {
        let parts: Vec<Partition> = (1..=4).map(|k| format!("{k}/4").parse().unwrap()).collect();
        let mut counts = [0; 4];
        for trial in 0..1_000 {
            let key = Sha256::of(format!("{trial}").as_bytes());
            let mine: Vec<_> = (0..4).filter(|part| parts[*part].has(&key)).collect();
            assert_eq!(mine.len(), 1, "{key}");
            counts[mine[0]] += 1;
        }
        assert!(counts.iter().all(|count| (200..300).contains(count)), "{counts:?}");
    }

    #[test]
    fn rejects_text_that_is_not_a_part() {
        for text in ["", "1", "0/4", "5/4", "1/0", "-1/4", "+1/4", "1/4/4", "a/b", "1/10001"] {
            assert!(text.parse::<Partition>().is_err(), "{text}");
        }
        assert_eq!("3/4".parse::<Partition>().unwrap().to_string(), "3/4");
    }
}
