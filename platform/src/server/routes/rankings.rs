//! The latest ranking.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use super::pages;
use super::rankings_part::RankingsQuery;
use crate::api::{AgentHistory, ProblemKind, Ranking, Rankings};
use crate::server::app::{App, blocking};
use crate::server::auth::ValidatorAuth;
use crate::server::board::Board;
use crate::server::body::ReadyBody;
use crate::server::extract::{JsonBody, QueryParams};
use crate::server::log::AuditEvent;
use crate::server::middleware::RequestDeadline;
use crate::server::negotiation::{Negotiated, TableFormatQuery, varies};
use crate::server::observe::RequestNotes;
use crate::server::page::LeaderboardQuery;
use crate::server::problem::ProblemResponse;
use crate::server::ranking_table;
use crate::server::response_format::ResponseFormat;
use crate::store::{Store, StoreError};

/// Show the latest ranking
///
/// Without parameters, the whole document with its signature. With them, a part of it without the signature. Browsers get
/// the leaderboard.
#[utoipa::path(
    get, operation_id = "get_rankings", path = "/rankings", tag = "readers", params(RankingsQuery, TableFormatQuery),
    responses(
        (status = 200, description = "The latest round and its ranking",
            content((Rankings = "application/json"), (String = "text/csv"), (String = "text/html")),
            headers(("Link" = String, description = "The next page, if there is one"))),
        ProblemResponse,
    ),
)]
pub(super) async fn latest(
    State(app): State<App>,
    Negotiated(format): Negotiated,
    QueryParams(part): QueryParams<RankingsQuery>,
    QueryParams(query): QueryParams<LeaderboardQuery>,
) -> Result<Response, ProblemResponse> {
    if format == ResponseFormat::Html {
        return Ok(varies(pages::leaderboard_body(app, query).await?));
    }
    let board = app.board().await?.ok_or_else(|| {
        let detail = "there has been no round yet: try again after the first round";
        ProblemResponse::new(ProblemKind::NoRoundYet, detail)
    })?;
    if format == ResponseFormat::Json && part.is_whole() {
        return Ok(varies(board.json.clone()));
    }
    blocking(move || document(&board, &part, format)).await
}

/// The ranking of a round as JSON, whole or in part, or as a table.
pub(super) fn document(
    board: &Board,
    part: &RankingsQuery,
    format: ResponseFormat,
) -> Result<Response, ProblemResponse> {
    Ok(match format {
        ResponseFormat::Csv => varies(csv(board)),
        _ if part.is_whole() => varies(board.json.clone()),
        _ => varies(part.respond(&board.rankings)?),
    })
}

/// The ranking as a table.
fn csv(board: &Board) -> ReadyBody {
    board.page("csv", || {
        let kind = HeaderValue::from_static("text/csv; charset=utf-8");
        ReadyBody::new(kind, ranking_table::csv(&board.rankings))
    })
}

/// The number of problems that the answer to a refused ranking names.
const SHOWN_PROBLEMS: usize = 5;

/// Clocks of platform and validator may differ by this much.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// How a ranking is published.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PublishQuery {
    /// Publish a ranking of fewer tasks or agents than the platform has. It must say so with `partial`.
    #[serde(default)]
    publish_partial: bool,
}

/// Publish a ranking as the latest
#[utoipa::path(
    put, operation_id = "publish_rankings", path = "/rankings", tag = "validators",
    params(PublishQuery),
    request_body = Rankings,
    security(("validator" = [])),
    responses((status = 204, description = "The ranking is stored"), ProblemResponse),
)]
pub(super) async fn publish(
    State(app): State<App>,
    _: ValidatorAuth,
    deadline: RequestDeadline,
    notes: RequestNotes,
    QueryParams(query): QueryParams<PublishQuery>,
    JsonBody(rankings): JsonBody<Rankings>,
) -> Result<StatusCode, ProblemResponse> {
    let mut problems = rankings.check();
    if rankings.round.finished_at > Timestamp::now() + CLOCK_TOLERANCE {
        problems.push("the round finished in the future".to_owned());
    }
    if rankings.round.partial && !query.publish_partial {
        problems.push(
            "the round covers fewer tasks or agents than there are: publish it with `?publish_partial=true`"
                .to_owned(),
        );
    }
    check_consistent(&problems)?;
    let round = rankings.round.id.clone();
    blocking(move || {
        check_consistent(&other_programs(&rankings, &app.store)?)?;
        if !rankings.round.partial {
            check_consistent(&left_out(&rankings, &app.store)?)?;
        }
        deadline.meet()?;
        app.store.put_rankings(&rankings)?;
        // The first reader does not wait for the page to be built. The ranking is stored, so its error is left to that reader.
        let _ = app.boards.latest(&app.store);
        Ok(())
    })
    .await?;
    notes.audit(AuditEvent::RankingPublished { round });
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a ranking with the first few of its problems.
fn check_consistent(problems: &[String]) -> Result<(), ProblemResponse> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut detail =
        problems.iter().take(SHOWN_PROBLEMS).map(String::as_str).collect::<Vec<_>>().join("; ");
    if problems.len() > SHOWN_PROBLEMS {
        detail.push_str(&format!("; and {} more", problems.len() - SHOWN_PROBLEMS));
    }
    Err(ProblemResponse::new(ProblemKind::ContentRefused, detail))
}

/// Returns one sentence for each agent whose digest of its program is not the one that the platform stored with the
/// version that is ranked. Without it, a ranking could hide a copy, or make a copy of an original.
fn other_programs(rankings: &Rankings, store: &Store) -> Result<Vec<String>, ProblemResponse> {
    let mut problems = Vec::new();
    for Ranking { miner_id, agent_sha256, program_sha256: stated, .. } in &rankings.rankings {
        let agent = match store.agent(miner_id) {
            Err(StoreError::Damaged { .. }) => continue,
            agent => agent?.map(AgentHistory::from),
        };
        let ranked = agent.and_then(|agent| agent.as_of(agent_sha256));
        let known = ranked.and_then(|agent| agent.current.program_sha256);
        if known.is_some() && known != *stated {
            problems.push(format!(
                "'{miner_id}' is listed with another digest of its program than the platform's; evaluate again with \
                 the version of the arena that the platform runs"
            ));
        }
    }
    Ok(problems)
}

/// Returns one sentence for each task and agent of the platform that the ranking leaves out.
fn left_out(rankings: &Rankings, store: &Store) -> Result<Vec<String>, ProblemResponse> {
    let round = &rankings.round;
    let mut problems = Vec::new();
    for task in tasks::all() {
        if !round.tasks.contains(&task.id) {
            problems.push(format!("task {} is left out, and the round is not partial", task.id));
        }
    }
    let ranked = rankings.rankings.iter().map(|ranking| &ranking.miner_id);
    let faulted = round.faults.iter().map(|fault| &fault.miner_id);
    let judged: HashSet<_> = ranked.chain(faulted).collect();
    let limit = if round.frozen { round.opened_at } else { round.listed_at } - CLOCK_TOLERANCE;
    for agent in store.agents()?.agents {
        let first = agent.history.first().map_or(agent.uploaded_at, |version| version.uploaded_at);
        if first < limit && !judged.contains(&agent.miner_id) {
            problems
                .push(format!("'{}' is left out, and the round is not partial", agent.miner_id));
        }
    }
    Ok(problems)
}
