//! `POST /upload/agent`: a file and a name, from anybody.

use std::io;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tasks::Sha256;

use super::dress::Deadline;
use super::extract::{Client, Name};
use super::openapi::UploadForm;
use super::problem::Refusal;
use super::quota::Ration;
use super::{App, auth, blocking};
use crate::MinerId;
use crate::api::NewToken;
use crate::store::Receipt;
use crate::tell;
use crate::validation::{self, MAX_SOURCE_BYTES};

/// The largest request body: a whole agent, and what multipart puts around it.
pub(super) const MAX_BODY_BYTES: usize = MAX_SOURCE_BYTES + (16 << 10);

/// How long to wait before asking again a system that has no thread to spare: other checks end in seconds.
const RETRY_AFTER_S: u64 = 5;

/// Submit an agent
///
/// A new `miner_id` gets a token in its first answer, once; the next upload under that id must bring it.
#[utoipa::path(
    post, path = "/upload/agent", tag = "miners",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    security((), ("miner" = [])),
    responses(
        (status = 201, description = "It is stored", body = Receipt),
        (status = 200, description = "The same bytes were stored already", body = Receipt),
        Refusal,
    ),
)]
pub(super) async fn agent(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    deadline: Deadline,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Refusal> {
    if let Some(meters) = &app.meters {
        meters.upload(address)?;
    }
    let token = auth::bearer(&headers)?;
    let form = form.map_err(|rejection| {
        let status = match rejection.status() {
            // The extractor calls a body of another type a bad request.
            StatusCode::BAD_REQUEST => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            other => other,
        };
        Refusal::new(
            status,
            "a multipart/form-data body is wanted: curl -F file=@agent.py -F miner_id=me",
        )
    })?;
    let Submission { miner_id, source } = Submission::read(form).await?;
    let place = app.checks.clone().acquire_owned().await;
    let receipt = blocking(move || {
        let current = app.store.authorize(&miner_id, token.as_deref())?;
        let findings = validation::findings(&source).map_err(|error| not_checked(&error))?;
        if !findings.is_empty() {
            return Err(Refusal::findings(findings));
        }
        drop(place);
        deadline.meet()?;
        let ration = match &current {
            // What changes nothing is not the miner's to pay.
            Some(current) if current.sha256 == Sha256::of(&source) => None,
            Some(_) => Some(Ration::Version(&miner_id)),
            None => Some(Ration::NewId(address)),
        };
        let ration = app.meters.as_ref().zip(ration);
        if let Some((meters, ration)) = ration {
            meters.take(ration)?;
        }
        let stored = app.store.put_agent(&miner_id, &source, token.as_deref());
        // Nor is what failed for reasons of ours.
        let is_made = stored.as_ref().is_ok_and(|receipt| !receipt.unchanged);
        if let (Some((meters, ration)), false) = (ration, is_made) {
            meters.give_back(ration);
        }
        Ok(stored?)
    })
    .await?;
    let status = if receipt.unchanged { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(receipt)).into_response())
}

/// Exchange an id's token for a new one
#[utoipa::path(
    post, path = "/agents/{miner_id}/token", tag = "miners",
    params(("miner_id" = MinerId, Path, description = "Whose token")),
    security(("miner" = [])),
    responses(
        (status = 200, description = "The old token is worth nothing any more", body = NewToken),
        Refusal,
    ),
)]
pub(super) async fn rotate_token(
    State(app): State<App>,
    Client(address): Client,
    Name(miner_id): Name,
    deadline: Deadline,
    headers: HeaderMap,
) -> Result<Json<NewToken>, Refusal> {
    if let Some(meters) = &app.meters {
        meters.upload(address)?;
    }
    let token = auth::bearer(&headers)?;
    let new = blocking(move || {
        let miner_id: MinerId = miner_id
            .parse()
            .map_err(|error| Refusal::new(StatusCode::NOT_FOUND, format!("{error}")))?;
        deadline.meet()?;
        let token = app.store.rotate_token(&miner_id, token.as_deref())?;
        Ok(NewToken { miner_id, token })
    })
    .await?;
    Ok(Json(new))
}

/// The two parts of an upload.
struct Submission {
    miner_id: MinerId,
    source: Bytes,
}

impl Submission {
    async fn read(mut form: Multipart) -> Result<Self, Refusal> {
        let (mut miner_id, mut source) = (None, None);
        while let Some(field) = form.next_field().await.map_err(malformed)? {
            match field.name() {
                Some("miner_id") if miner_id.is_none() => miner_id = Some(id_in(field).await?),
                Some("file") if source.is_none() => source = Some(file_in(field).await?),
                Some(again @ ("miner_id" | "file")) => {
                    return Err(unprocessable(format!("there are two parts '{again}': send one")));
                }
                Some(_) => {
                    return Err(unprocessable(
                        "there is a part besides 'file' and 'miner_id': leave it out",
                    ));
                }
                None => return Err(unprocessable("there is a part without a name: leave it out")),
            }
        }
        let missing = |part, example| {
            move || unprocessable(format!("there is no part '{part}': add {example}"))
        };
        Ok(Self {
            miner_id: miner_id.ok_or_else(missing("miner_id", "-F miner_id=me"))?,
            source: source.ok_or_else(missing("file", "-F file=@agent.py"))?,
        })
    }
}

async fn id_in(field: Field<'_>) -> Result<MinerId, Refusal> {
    let bytes = field.bytes().await.map_err(malformed)?;
    let text = String::from_utf8_lossy(&bytes);
    text.parse().map_err(|error: crate::store::ParseMinerIdError| unprocessable(error.to_string()))
}

async fn file_in(mut field: Field<'_>) -> Result<Bytes, Refusal> {
    let mut source = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        if source.len() + chunk.len() > MAX_SOURCE_BYTES {
            return Err(too_large());
        }
        source.extend_from_slice(&chunk);
    }
    Ok(source.into())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err calls")]
fn malformed(error: MultipartError) -> Refusal {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    let detail = format!("the multipart body is malformed ({}): send it again", error.body_text());
    Refusal::new(StatusCode::BAD_REQUEST, detail)
}

/// The system had no thread for the parser, which is no fault of the file.
fn not_checked(error: &io::Error) -> Refusal {
    tell(format_args!("an upload could not be checked: {error}"));
    let detail = "the platform could not check the file just now: upload it again later";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        .with(header::RETRY_AFTER, RETRY_AFTER_S.into())
}

fn too_large() -> Refusal {
    let detail = format!("an agent may have {MAX_SOURCE_BYTES} bytes: make the file smaller");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn unprocessable(detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
