//! Random numbers that everyone can draw again: the bytes of SHA-256 over a label and a counter.
//!
//! The label holds the round's commitment, which is public while the round is open and cannot be chosen after the
//! agents were judged. The seed itself would do as well once it is revealed, but numbers drawn from it would let
//! guesses of it be tested while it is secret.

use tasks::Sha256;

/// A sequence of random numbers, the same on every machine.
pub struct Draws {
    label: String,
    block: u64,
    words: Vec<u64>,
}

impl Draws {
    /// The sequence that belongs to a commitment and a purpose.
    pub fn new(commitment: &Sha256, purpose: &str) -> Self {
        Self { label: format!("{commitment}:{purpose}"), block: 0, words: Vec::new() }
    }

    /// The next number: the digests of `LABEL:0`, `LABEL:1`, ... in hexadecimal, 16 digits at a time.
    pub fn word(&mut self) -> u64 {
        if let Some(word) = self.words.pop() {
            return word;
        }
        let words = Sha256::words_of(format!("{}:{}", self.label, self.block).as_bytes());
        self.block += 1;
        let [first, second, third, fourth] = words;
        self.words = vec![fourth, third, second];
        first
    }

    /// The next number below `limit`, which must not be 0: the remainder of the next word. With limits below a million,
    /// the numbers differ in probability by less than one part in 10^13.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.word() % limit as u64).expect("less than the limit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_digests_of_the_label_and_a_counter() {
        let commitment = Sha256::of(b"");
        let mut draws = Draws::new(&commitment, "test");
        let words: Vec<_> = (0..8).map(|_| format!("{:016x}", draws.word())).collect();
        let digest =
            |block| Sha256::of(format!("{commitment}:test:{block}").as_bytes()).to_string();
        assert_eq!(words.concat(), digest(0) + &digest(1));
        assert_ne!(Draws::new(&commitment, "other").word(), Draws::new(&commitment, "test").word());
    }
}
