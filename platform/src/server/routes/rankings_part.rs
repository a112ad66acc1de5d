//! A part of the latest ranking: the entry of one agent, or a page of entries.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::{MinerId, ProblemKind, Rankings};
use crate::server::problem::ProblemResponse;

/// The maximum number of entries in a page.
const MAX_PAGE: usize = 1_000;

/// Which part of the ranking is returned. Without parameters, it is the whole signed document.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RankingsQuery {
    /// Only the entry of this agent, if it has a rank
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
    miner: Option<MinerId>,
    /// Maximum number of entries
    #[serde(default)]
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<usize>,
    /// Only entries with a rank after this one
    #[serde(default)]
    #[param(minimum = 0, maximum = 4_294_967_295_u32)]
    after_rank: Option<u32>,
}

impl RankingsQuery {
    /// Returns whether the whole ranking is asked for.
    pub(super) fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the part of the ranking, with a Link to the next page. A part is not signed.
    pub(super) fn respond(&self, whole: &Rankings) -> Result<Response, ProblemResponse> {
        let limit = self.limit.unwrap_or(MAX_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            let detail = format!("`limit` is {limit}: expected 1 to {MAX_PAGE}");
            return Err(ProblemResponse::new(ProblemKind::ParameterInvalid, detail));
        }
        let after = self.after_rank.unwrap_or(0);
        let start = whole.rankings.partition_point(|entry| entry.rank <= after);
        let rest = &whole.rankings[start..];
        let (entries, more) = if let Some(miner) = &self.miner {
            let entry = rest.iter().position(|entry| entry.miner_id == *miner);
            (entry.map_or(&[][..], |at| &rest[at..=at]), false)
        } else {
            (&rest[..rest.len().min(limit)], rest.len() > limit)
        };
        let part =
            Rankings { round: whole.round.clone(), rankings: entries.to_vec(), signature: None };
        let mut response = Json(part).into_response();
        if let Some(last) = entries.last().filter(|_| more) {
            // Relative to the requested URL, so that it works behind a proxy.
            let link = format!("<?limit={limit}&after_rank={}>; rel=\"next\"", last.rank);
            let link = HeaderValue::from_str(&link).expect("numbers are ASCII");
            response.headers_mut().insert(header::LINK, link);
        }
        Ok(response)
    }
}
