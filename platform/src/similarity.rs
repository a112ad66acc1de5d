//! Copies and near copies among agents, from their tokens.
//!
//! Two questions, with answers of different weight. *Are two agents the same program?* They are if nothing but
//! comments, blank lines and formatting differs: [`program_sha256`] digests the rest, and the ranking compares the digests.
//! *Do two agents share much of their code?* Winnowed fingerprints find that whatever the names are. It is evidence for a
//! person to look at, and changes no rank.
//!
//! Everything here is pure apart from [`survey`], which reads a store.

mod canonical;
mod fingerprint;
mod index;
mod passage;
pub mod survey;
mod symbols;

#[cfg(test)]
mod tests;

pub use canonical::program_sha256;
pub use index::{SimilarityFigures, SimilarityKind};
pub use passage::{LineRange, Passage};

/// Tokens of a fingerprint. Code that shares fewer in a row is not found. 23 is what Dolos uses for programs of students
/// (Maertens et al., "Dolos: Language-agnostic plagiarism detection in source code", 2022), about three lines of Python:
/// shorter runs occur in unrelated programs once names are left out.
pub const GRAM_TOKENS: usize = 23;

/// Fingerprints of which one is kept: the smallest of every window (Schleimer, Wilkerson and Aiken, "Winnowing: Local
/// Algorithms for Document Fingerprinting", 2003). Every shared run of `GRAM_TOKENS + WINDOW - 1` tokens, here 39, has at
/// least one that is kept in both programs; on average one in `(WINDOW + 1) / 2` is kept. 17 is the window of Dolos.
pub const WINDOW: usize = 17;

/// Names and keywords without which a run of tokens is data and not code: tables of numbers and lists of records look
/// alike in unrelated programs. A quarter of a fingerprint's tokens; in the code of the built-in tasks about half are.
pub const GRAM_WORDS: usize = 6;

/// Fingerprints that two agents must share before their similarity means anything. Eight are about seventy tokens, or
/// ten lines.
pub const MIN_SHARED: usize = 8;

/// Similarity from which two agents are listed. Of the answers to the built-in tasks no two share more than three
/// fingerprints, and the near copies that the tests describe have 0.68 and more.
pub const MIN_SIMILARITY: f64 = 0.3;

/// Code that occurs in more agents than this, and in more than [`COMMON_SHARE`] of them, is common and no evidence of
/// copying, as a widely read example. Copies of one agent, also renamed ones, count once.
pub const COMMON_AGENTS: usize = 20;

/// One in so many agents: 10 %. With a number alone, a group of near copies in a large field could make its own code
/// common.
pub const COMMON_SHARE: usize = 10;

/// Earlier agents that are listed for an agent, the most similar ones.
pub const MAX_SIMILAR: usize = 5;
