//! The rounds: their list, each with its ranking, and the progress of the running one.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::rankings::document;
use super::rankings_part::RankingsQuery;
use crate::api::{ProblemKind, Rankings, Round, RoundListing};
use crate::server::app::{App, blocking};
use crate::server::board::Board;
use crate::server::body::ReadyBody;
use crate::server::extract::{PathSegment, QueryParams};
use crate::server::live::{self, ServerStopping};
use crate::server::negotiation::{FormatQuery, Negotiated, TableFormatQuery, no_csv, varies};
use crate::server::openapi::LiveEventSchema;
use crate::server::page::{self, Frame, LeaderboardQuery, RoundPage};
use crate::server::problem::ProblemResponse;
use crate::server::response_format::ResponseFormat;

/// The maximum number of rounds in one response.
const MAX_ROUNDS: usize = 100;
/// The number of rounds in a response that names no limit.
const USUAL_ROUNDS: usize = 50;

/// A part of the list of rounds.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RoundsQuery {
    /// Only rounds before the one with this id
    #[param(pattern = "^[0-9A-Za-z-]{1,64}$")]
    before: Option<String>,
    /// Maximum number of rounds, 50 by default
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// List the rounds
///
/// Returns one page, newest first, with a Link to the next. Browsers get a page.
#[utoipa::path(
    get, path = "/rounds", tag = "readers", operation_id = "list_rounds", params(RoundsQuery, FormatQuery),
    responses(
        (status = 200, description = "The rounds, without their rankings",
            content((Vec<RoundListing> = "application/json"), (String = "text/html")),
            headers(("Link" = String, description = "The next page, if there is one"))),
        ProblemResponse,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    Negotiated(format): Negotiated,
    QueryParams(query): QueryParams<RoundsQuery>,
) -> Result<Response, ProblemResponse> {
    let limit = query.limit.unwrap_or(USUAL_ROUNDS);
    if !(1..=MAX_ROUNDS).contains(&limit) {
        let detail = format!("`limit` is {limit}: expected 1 to {MAX_ROUNDS}");
        return Err(ProblemResponse::new(ProblemKind::ParameterInvalid, detail));
    }
    if let Some(Err(error)) = query.before.as_deref().map(Round::check_id) {
        return Err(ProblemResponse::new(
            ProblemKind::ParameterInvalid,
            format!("`before`: {error}"),
        ));
    }
    let (body, next) = blocking(move || {
        // One more shows whether there is another page.
        let before = query.before.as_deref();
        let mut rounds = app.boards.history.before(&app.store, before, limit + 1)?;
        let more = rounds.len() > limit;
        rounds.reverse();
        rounds.truncate(limit);
        let next = rounds.last().filter(|_| more).map(|round| round.listing.id.clone());
        let rounds: Vec<_> = rounds.iter().map(|round| round.listing.clone()).collect();
        let body = match format {
            ResponseFormat::Csv => return Err(no_csv()),
            ResponseFormat::Json => {
                ReadyBody::json(serde_json::to_vec(&rounds).expect("a list is plain data"))
            }
            ResponseFormat::Html => {
                let frame = Frame { site: &app.site, title: "Rounds", live: false };
                let body = page::rounds(&app.site, &rounds, next.as_deref());
                ReadyBody::html(page::layout(frame, &body).into_string())
            }
        };
        Ok((body, next))
    })
    .await?;
    let mut response = varies(body);
    if let Some(before) = next {
        // Relative to the requested URL, so that it works behind a proxy.
        let link = format!("<?before={before}&limit={limit}>; rel=\"next\"");
        let link = HeaderValue::from_str(&link).expect("the id of a round is ASCII");
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Show a round with its ranking
///
/// Without parameters, the whole document with its signature. With them, a part of it without the signature. Browsers get
/// a page.
#[utoipa::path(
    get, path = "/rounds/{id}", tag = "readers", operation_id = "get_round",
    params(
        ("id" = String, Path, description = "The id of the round", pattern = "^[0-9A-Za-z-]{1,64}$"),
        RankingsQuery,
        TableFormatQuery,
    ),
    responses(
        (status = 200, description = "The round and its ranking",
            content((Rankings = "application/json"), (String = "text/csv"), (String = "text/html")),
            headers(("Link" = String, description = "The next page, if there is one"))),
        ProblemResponse,
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    PathSegment(id): PathSegment,
    Negotiated(format): Negotiated,
    QueryParams(part): QueryParams<RankingsQuery>,
    QueryParams(query): QueryParams<LeaderboardQuery>,
) -> Result<Response, ProblemResponse> {
    blocking(move || {
        let board = find(&app, &id)?;
        match format {
            ResponseFormat::Html => Ok(varies(round_page(&app, &board, query)?)),
            _ => document(&board, &part, format),
        }
    })
    .await
}

fn find(app: &App, id: &str) -> Result<std::sync::Arc<Board>, ProblemResponse> {
    let known = Round::check_id(id).is_ok();
    let board = if known { app.boards.of(&app.store, id)? } else { None };
    board.ok_or_else(|| {
        ProblemResponse::new(
            ProblemKind::RoundUnknown,
            "no such round: GET /rounds lists all rounds",
        )
    })
}

fn round_page(
    app: &App,
    board: &Board,
    query: LeaderboardQuery,
) -> Result<ReadyBody, ProblemResponse> {
    let view =
        query.view().map_err(|error| ProblemResponse::new(ProblemKind::ParameterInvalid, error))?;
    let id = &board.rankings.round.id;
    let (site, path) = (&app.site, format!("/rounds/{id}"));
    let running = app.live.running(&app.store)?.filter(|running| running.round == *id);
    let build = || {
        let title = format!("Round {id}");
        let frame = Frame { site, title: &title, live: running.is_some() };
        let page = RoundPage { site, board, view: &view, path: &path, running: running.as_ref() };
        ReadyBody::html(page::layout(frame, &page::round(page)).into_string())
    };
    if running.is_some() {
        return Ok(build());
    }
    Ok(board.page(&format!("{path}{}", view.parameters()), build))
}

/// Follow the progress of a round
///
/// Server-sent events: `progress` with the figures (the document of `PUT /rounds/{id}/progress`) whenever they
/// change, and `ended` when the evaluation has ended.
#[utoipa::path(
    get, path = "/rounds/{id}/events", tag = "readers", operation_id = "follow_round",
    params(("id" = String, Path, description = "The id of the round", pattern = "^[0-9A-Za-z-]{1,64}$")),
    responses(
        (status = 200, description = "A stream that ends when the evaluation does, or after some minutes",
            body = LiveEventSchema, content_type = "text/event-stream"),
        ProblemResponse,
    ),
)]
pub(super) async fn events(
    State(app): State<App>,
    PathSegment(id): PathSegment,
    stopping: Option<Extension<ServerStopping>>,
) -> Result<Response, ProblemResponse> {
    let (live, store, round) = (app.live.clone(), app.store.clone(), id.clone());
    let running = blocking(move || Ok(live.running(&store)?)).await?;
    if running.is_none_or(|running| running.round != round) {
        let detail = "this round is not being evaluated now: GET /rounds lists all rounds";
        return Err(ProblemResponse::new(ProblemKind::RoundUnknown, detail));
    }
    let stopping =
        stopping.map_or_else(CancellationToken::new, |Extension(ServerStopping(token))| token);
    live::follow(app.live.clone(), app.store.clone(), id, stopping)
}
