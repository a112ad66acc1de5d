//! The website, and the API description in both its forms.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::server::app::{App, blocking};
use crate::server::extract::QueryParams;
use crate::server::page::{self, LeaderboardQuery};
use crate::server::problem::ProblemResponse;

const HTML: &str = "text/html; charset=utf-8";

pub(super) async fn leaderboard(
    State(app): State<App>,
    QueryParams(query): QueryParams<LeaderboardQuery>,
) -> Result<Response, ProblemResponse> {
    let (board, agents) = blocking(move || {
        let board = app.boards.latest(&app.store)?;
        let agents = if board.is_none() { app.store.agent_ids()?.len() } else { 0 };
        Ok((board, agents))
    })
    .await?;
    let page = |body| Bytes::from(page::layout("Leaderboard", &body).into_string());
    let page = match board {
        Some(board) if query.is_front() => {
            board.front().get_or_init(|| page(page::leaderboard(&board, &query))).clone()
        }
        Some(board) => page(page::leaderboard(&board, &query)),
        None => page(page::before_first_round(agents)),
    };
    Ok(([(header::CONTENT_TYPE, HTML)], page).into_response())
}

pub(super) async fn reference(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, HTML)], app.reference.html.clone()).into_response()
}

pub(super) async fn openapi_json(State(app): State<App>) -> Response {
    (app.reference.json_headers.clone(), app.reference.json.clone()).into_response()
}

pub(super) async fn style() -> Response {
    asset("text/css", include_bytes!("../assets/style.css"))
}

pub(super) async fn script() -> Response {
    asset("text/javascript", include_bytes!("../assets/leaderboard.js"))
}

/// A file that is part of the program.
fn asset(kind: &'static str, bytes: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}
