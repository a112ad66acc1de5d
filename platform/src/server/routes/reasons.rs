//! The reasons of an agent's scores as a page for its owner, who sends the token with a form: the browser keeps nothing.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::results::{ResultsRequest, read};
use crate::api::ProblemKind;
use crate::server::app::{App, blocking};
use crate::server::body::ReadyBody;
use crate::server::extract::PathSegment;
use crate::server::page::{self, Frame};
use crate::server::problem::ProblemResponse;

/// The fields of the form.
#[derive(Deserialize)]
pub(super) struct ReasonsForm {
    token: String,
}

pub(super) async fn page(
    State(app): State<App>,
    PathSegment(miner_id): PathSegment,
    form: Result<Form<ReasonsForm>, FormRejection>,
) -> Result<Response, ProblemResponse> {
    let Ok(Form(ReasonsForm { token })) = form else {
        let detail = "the form has one field, `token`: the page of the agent has this form";
        return Err(ProblemResponse::new(ProblemKind::FormInvalid, detail));
    };
    let page = blocking(move || {
        let token = Some(token.trim().to_owned());
        let results = read(&app, &ResultsRequest { miner_id, round: None, token })?;
        let title = format!("Why {} has its score", results.miner_id);
        let frame = Frame { site: &app.site, title: &title, live: false };
        let body = page::reasons(&app.site, &results);
        Ok(ReadyBody::html(page::layout(frame, &body).into_string()))
    });
    let mut response = page.await?.into_response();
    let private = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, private);
    Ok(response)
}
