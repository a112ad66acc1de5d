//! Which agents of a ranking are similar to earlier ones, for the page. It states figures and lines, never code.

use std::collections::HashMap;

use crate::api::{AgentHistory, MinerId, Rankings};
use crate::similarity::SimilarityKind;
use crate::similarity::survey::{SimilarAgents, SurveyError, SurveyPlan, survey};
use crate::store::Store;

/// For the owner of each similar agent, the most similar earlier one.
pub(super) type SimilarAgentsOf = HashMap<MinerId, SimilarAgents>;

/// Compares the versions that a ranking ranks. Copies by the rule are left out: the ranking itself lists them.
pub(super) fn of(
    rankings: &Rankings,
    store: &Store,
    base: &[String],
) -> Result<SimilarAgentsOf, SurveyError> {
    let mut ranked = Vec::new();
    for ranking in &rankings.rankings {
        let agent = store.agent(&ranking.miner_id)?.map(AgentHistory::from);
        ranked.extend(agent.and_then(|agent| agent.as_of(&ranking.agent_sha256)));
    }
    // The other processors answer requests.
    let found = survey(store, ranked, SurveyPlan { base, only: None, threads: 1 })?;
    let mut similar = SimilarAgentsOf::new();
    for pair in found.similar {
        if pair.kind != SimilarityKind::Copy {
            // The most similar one comes first.
            similar.entry(pair.later.miner_id.clone()).or_insert(pair);
        }
    }
    Ok(similar)
}
