//! Where a miner's agent stands on a platform, and why: what the platform publishes, and with the owner's token the
//! trials behind the score. Nothing is run here.

use platform::MinerId;
use platform::api::{AgentResults, Ranking, SubmissionStatus};
use platform::client::{Client, ClientError};
use serde::Serialize;

/// What a platform says about a miner's agent.
#[derive(Clone, Debug, Serialize)]
pub struct StandingReport {
    /// Whether the current version is judged, and what the latest round says about the agent.
    pub status: SubmissionStatus,
    /// The agent's entry in the latest ranking, if it has a rank.
    pub ranking: Option<Ranking>,
    /// The trials of the latest round that published some.
    pub results: Option<AgentResults>,
    /// Why there are no results.
    pub results_missing: Option<MissingResults>,
}

/// Why the trials of an agent are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingResults {
    /// They are for the owner only, and the owner's token is not known here.
    NoToken,
    /// The platform does not accept the token.
    TokenRefused,
    /// None are published yet.
    NotPublished,
}

/// Asks a platform for everything about a miner's agent. Returns none if the miner has not uploaded one.
pub async fn standing_report(
    client: &Client,
    miner: &MinerId,
    token: Option<&str>,
) -> Result<Option<StandingReport>, ClientError> {
    let Some(status) = found(client.status(miner).await)? else { return Ok(None) };
    let ranked = client.ranking_of(miner).await?;
    let ranking = ranked
        .and_then(|ranked| ranked.rankings.into_iter().find(|ranking| ranking.miner_id == *miner));
    let (results, results_missing) = match token {
        None => (None, Some(MissingResults::NoToken)),
        Some(token) => match client.results(miner, token).await {
            Ok(results) => (Some(results), None),
            Err(error) => match error.status().map(|status| status.as_u16()) {
                Some(401 | 403) => (None, Some(MissingResults::TokenRefused)),
                Some(404) => (None, Some(MissingResults::NotPublished)),
                _ => return Err(error),
            },
        },
    };
    Ok(Some(StandingReport { status, ranking, results, results_missing }))
}

/// A refusal because there is no such thing is an answer.
fn found<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Err(error) if error.status().is_some_and(|status| status.as_u16() == 404) => Ok(None),
        answer => answer.map(Some),
    }
}
