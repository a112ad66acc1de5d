//! The feed of rounds.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::{IntoResponse as _, Response};

use crate::server::app::{App, blocking};
use crate::server::body::ReadyBody;
use crate::server::feed;
use crate::server::problem::ProblemResponse;

const ATOM: HeaderValue = HeaderValue::from_static("application/atom+xml; charset=utf-8");

pub(super) async fn rounds(State(app): State<App>) -> Result<Response, ProblemResponse> {
    let body = blocking(move || {
        let mut rounds = app.boards.history.before(&app.store, None, feed::ENTRIES)?;
        rounds.reverse();
        Ok(ReadyBody::new(ATOM, feed::feed(&app.settings.public_url, &rounds)))
    })
    .await?;
    Ok(body.into_response())
}
