//! What the paths of several routes name.

use crate::api::MinerId;
use crate::server::app::App;
use crate::server::problem::ProblemResponse;
use crate::store::{AgentMeta, StoreError};

/// Returns the metadata of the agent that a path names.
pub(super) fn find(app: &App, miner_id: &str) -> Result<AgentMeta, ProblemResponse> {
    let miner_id: MinerId = miner_id.parse().map_err(|error| ProblemResponse::not_an_id(&error))?;
    let meta = app.store.agent(&miner_id)?;
    Ok(meta.ok_or(StoreError::Unknown(miner_id))?)
}
