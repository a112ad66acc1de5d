//! Near copies among many agents, by an inverted index from fingerprints to agents.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use tasks::Sha256;

use super::fingerprint::Fingerprints;
use super::{COMMON_AGENTS, COMMON_SHARE, MAX_SIMILAR, MIN_SHARED, MIN_SIMILARITY};
use crate::api::MinerId;

/// An agent among others.
#[derive(Clone, Debug)]
pub(super) struct IndexedAgent {
    /// Its owner.
    pub(super) miner_id: MinerId,
    /// The digest of its program.
    pub(super) program_sha256: Sha256,
    /// When its owner first submitted these tokens.
    pub(super) first_submitted_at: Timestamp,
    /// Its fingerprints.
    pub(super) fingerprints: Fingerprints,
}

/// Why two agents are listed as similar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SimilarityKind {
    /// They differ in comments, blank lines and formatting alone: a copy by the rule.
    Copy,
    /// They differ in names and values as well.
    Renamed,
    /// They share parts.
    Shared,
}

/// Two similar agents, as their places in the list that was searched.
#[derive(Clone, Debug)]
pub(super) struct SimilarPair {
    /// The one whose owner submitted it first.
    pub(super) earlier: usize,
    /// The other one.
    pub(super) later: usize,
    /// Why they are listed.
    pub(super) kind: SimilarityKind,
    /// How similar they are.
    pub(super) figures: SimilarityFigures,
}

/// How similar two agents are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SimilarityFigures {
    /// Of the fingerprints of the agent that has fewer, the share that the other one has as well, from 0 to 1. So an
    /// agent with another one inside it, and one that is half of another, are as similar to it as a whole copy.
    pub similarity: f64,
    /// Of the fingerprints of both, the share that both have: lower if one of them has much else.
    pub jaccard: f64,
    /// Number of fingerprints that both have.
    pub shared: usize,
}

impl SimilarityFigures {
    /// The figures of sets of these sizes.
    pub(super) fn of(shared: usize, of_a: usize, of_b: usize) -> Self {
        let number = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
        let share = |of: usize| if of == 0 { 0.0 } else { number(shared) / number(of) };
        Self { similarity: share(of_a.min(of_b)), jaccard: share(of_a + of_b - shared), shared }
    }
}

/// The similar agents among many.
#[derive(Debug, Default)]
pub(super) struct SimilarPairs {
    /// By the later one, and for each the most similar ones first.
    pub(super) pairs: Vec<SimilarPair>,
    /// The fingerprints that do not count as evidence: those of base code, and those that many agents have.
    pub(super) excluded: HashSet<u64>,
}

/// Finds similar agents. Each agent is compared with the earlier ones; `base` are the fingerprints of published code,
/// such as a template, that is not counted.
///
/// Of agents that are equal, or equal but for names, one stands for all, so that many copies are neither many pairs nor
/// make their code common.
pub(super) fn find(agents: &[IndexedAgent], base: HashSet<u64>) -> SimilarPairs {
    let mut order: Vec<usize> = (0..agents.len()).collect();
    order.sort_by_key(|at| (agents[*at].first_submitted_at, &agents[*at].miner_id));
    let mut found = SimilarPairs { pairs: Vec::new(), excluded: base };
    let originals = found.take_copies(agents, order);
    found.take_shared(agents, &originals);
    found.pairs.sort_by(|a, b| {
        let key = |pair: &SimilarPair| (pair.later, pair.earlier);
        let order =
            a.later.cmp(&b.later).then(b.figures.similarity.total_cmp(&a.figures.similarity));
        order.then_with(|| key(a).cmp(&key(b)))
    });
    found
}

impl SimilarPairs {
    /// Lists copies and renamed copies, and returns the agents that are neither, earliest first.
    fn take_copies(&mut self, agents: &[IndexedAgent], order: Vec<usize>) -> Vec<usize> {
        let (mut by_tokens, mut by_symbols) = (HashMap::new(), HashMap::new());
        let mut originals = Vec::new();
        for later in order {
            let agent = &agents[later];
            let Fingerprints { prints, symbols } = &agent.fingerprints;
            let own = prints.iter().filter(|print| !self.excluded.contains(print)).count();
            let (earlier, kind) = match by_tokens.get(&agent.program_sha256) {
                Some(earlier) => (Some(*earlier), SimilarityKind::Copy),
                None => (by_symbols.get(symbols).copied(), SimilarityKind::Renamed),
            };
            by_tokens.entry(&agent.program_sha256).or_insert(later);
            // What is as short as a line, or nothing but base code, is equal to others by chance.
            let is_evidence = kind == SimilarityKind::Copy || own >= MIN_SHARED;
            match earlier.filter(|_| is_evidence) {
                Some(earlier) => {
                    let figures = SimilarityFigures { similarity: 1.0, jaccard: 1.0, shared: own };
                    self.pairs.push(SimilarPair { earlier, later, kind, figures });
                }
                None => originals.push(later),
            }
            by_symbols.entry(symbols).or_insert(later);
        }
        originals
    }

    /// Lists the agents that share parts with an earlier one.
    fn take_shared(&mut self, agents: &[IndexedAgent], originals: &[usize]) {
        let postings = Postings::of(agents, originals, &mut self.excluded);
        let mut counts = vec![0_usize; originals.len()];
        for (later, groups) in postings.groups_of.iter().enumerate() {
            let mut touched = Vec::new();
            for group in groups {
                let earlier = postings.agents_of[*group].iter().take_while(|at| **at < later);
                for at in earlier {
                    if counts[*at] == 0 {
                        touched.push(*at);
                    }
                    counts[*at] += 1;
                }
            }
            let mut similar = Vec::new();
            for earlier in touched {
                let shared = std::mem::take(&mut counts[earlier]);
                let (a, b) = (postings.sizes[earlier], postings.sizes[later]);
                let figures = SimilarityFigures::of(shared, a, b);
                if shared >= MIN_SHARED && figures.similarity >= MIN_SIMILARITY {
                    similar.push((figures, earlier));
                }
            }
            similar.sort_by(|(a, a_at), (b, b_at)| {
                b.similarity.total_cmp(&a.similarity).then(a_at.cmp(b_at))
            });
            similar.truncate(MAX_SIMILAR);
            self.pairs.extend(similar.into_iter().map(|(figures, earlier)| SimilarPair {
                earlier: originals[earlier],
                later: originals[later],
                kind: SimilarityKind::Shared,
                figures,
            }));
        }
    }
}

/// Which agents have which fingerprints. Agents are numbered from the earliest.
struct Postings {
    /// The agents that have each fingerprint, earliest first.
    agents_of: Vec<Vec<usize>>,
    /// The fingerprints of each agent that another one has too, as places in `agents_of`.
    groups_of: Vec<Vec<usize>>,
    /// The number of fingerprints of each agent.
    sizes: Vec<usize>,
}

impl Postings {
    /// Leaves out what is excluded and what is common, and adds the latter to the former.
    fn of(agents: &[IndexedAgent], originals: &[usize], excluded: &mut HashSet<u64>) -> Self {
        let mut all = Vec::new();
        for (number, at) in originals.iter().enumerate() {
            let prints = agents[*at].fingerprints.prints.iter();
            all.extend(prints.filter(|print| !excluded.contains(print)).map(|p| (*p, number)));
        }
        all.sort_unstable();
        let limit = COMMON_AGENTS.max(originals.len() / COMMON_SHARE);
        let mut postings = Self {
            agents_of: Vec::new(),
            groups_of: vec![Vec::new(); originals.len()],
            sizes: vec![0; originals.len()],
        };
        for group in all.chunk_by(|(a, _), (b, _)| a == b) {
            if group.len() > limit {
                excluded.insert(group[0].0);
                continue;
            }
            for (_, agent) in group {
                postings.sizes[*agent] += 1;
            }
            // Most fingerprints are one agent's alone.
            if group.len() == 1 {
                continue;
            }
            for (_, agent) in group {
                postings.groups_of[*agent].push(postings.agents_of.len());
            }
            postings.agents_of.push(group.iter().map(|(_, agent)| *agent).collect());
        }
        postings
    }
}
