//! The first page, the page of an agent, and the files that pages need.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::HeaderValue;

use super::submission::status_of;
use crate::api::{AgentHistory, ProblemKind};
use crate::server::app::{App, blocking};
use crate::server::body::ReadyBody;
use crate::server::extract::QueryParams;
use crate::server::page::{self, AgentPage, Frame, LeaderboardQuery, RoundPage};
use crate::server::problem::ProblemResponse;
use crate::store::AgentMeta;

pub(super) async fn leaderboard(
    State(app): State<App>,
    QueryParams(query): QueryParams<LeaderboardQuery>,
) -> Result<ReadyBody, ProblemResponse> {
    leaderboard_body(app, query).await
}

/// The leaderboard of the latest round; before the first one, what to do next.
pub(super) async fn leaderboard_body(
    app: App,
    query: LeaderboardQuery,
) -> Result<ReadyBody, ProblemResponse> {
    let view =
        query.view().map_err(|error| ProblemResponse::new(ProblemKind::ParameterInvalid, error))?;
    // Most visitors ask for what is there.
    let path = format!("/{}", view.parameters());
    if app.live.is_idle()
        && let Ok(Some(board)) = app.boards.known(&app.store)
        && let Some(page) = board.kept_page(&path)
    {
        return Ok(page);
    }
    blocking(move || {
        let site = &app.site;
        let running = app.live.running(&app.store)?;
        let frame = Frame { site, title: "Leaderboard", live: running.is_some() };
        let build = |body| ReadyBody::html(page::layout(frame, &body).into_string());
        let Some(board) = app.boards.latest(&app.store)? else {
            let agents = app.store.agent_ids()?.len();
            return Ok(build(page::before_first_round(site, agents, running.as_ref())));
        };
        let page =
            RoundPage { site, board: &board, view: &view, path: "/", running: running.as_ref() };
        if running.is_some() {
            return Ok(build(page::leaderboard(page)));
        }
        Ok(board.page(&path, || build(page::leaderboard(page))))
    })
    .await
}

/// The page of an agent.
pub(super) fn agent_page(app: &App, meta: AgentMeta) -> Result<ReadyBody, ProblemResponse> {
    let site = &app.site;
    let board = app.boards.latest(&app.store)?;
    let status = status_of(app, &meta, board.as_deref())?;
    let agent = AgentHistory::from(meta);
    let frame = Frame { site, title: agent.current.miner_id.as_str(), live: false };
    let page = AgentPage { site, agent: &agent, status: &status, board: board.as_deref() };
    Ok(ReadyBody::html(page::layout(frame, &page::agent(page)).into_string()))
}

pub(super) async fn reference(State(app): State<App>) -> ReadyBody {
    app.reference.html.clone()
}

pub(super) async fn openapi_json(State(app): State<App>) -> ReadyBody {
    app.reference.json.clone()
}

pub(super) async fn style() -> ReadyBody {
    static STYLE: LazyLock<ReadyBody> =
        LazyLock::new(|| asset("text/css", include_bytes!("../assets/style.css")));
    STYLE.clone()
}

pub(super) async fn script() -> ReadyBody {
    static SCRIPT: LazyLock<ReadyBody> =
        LazyLock::new(|| asset("text/javascript", include_bytes!("../assets/arena.js")));
    SCRIPT.clone()
}

pub(super) async fn icon() -> ReadyBody {
    static ICON: LazyLock<ReadyBody> =
        LazyLock::new(|| asset("image/svg+xml", include_bytes!("../assets/favicon.svg")));
    ICON.clone()
}

/// A file that is part of the program.
fn asset(kind: &'static str, bytes: &'static [u8]) -> ReadyBody {
    ReadyBody::new(HeaderValue::from_static(kind), bytes)
}
