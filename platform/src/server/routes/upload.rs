//! Uploads of agents, and their tokens.

use std::io;
use std::str::FromStr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tasks::Sha256;

use crate::api::{
    MAX_SOURCE_BYTES, MinerId, NewToken, ParseMinerIdError, ParseProfileError, ProblemKind,
    ProfileEdit, ProfileEdits, RECEIPT_NAMESPACE, Receipt,
};
use crate::log::log_line;
use crate::server::app::{App, blocking};
use crate::server::auth;
use crate::server::body::ReadyBody;
use crate::server::extract::{ClientAddress, PathSegment};
use crate::server::log::AuditEvent;
use crate::server::middleware::RequestDeadline;
use crate::server::observe::RequestNotes;
use crate::server::openapi::UploadForm;
use crate::server::page::{self, Frame};
use crate::server::problem::ProblemResponse;
use crate::server::public_url::PublicUrl;
use crate::server::quota::QuotaUse;
use crate::server::response_format::ResponseFormat;
use crate::store::SourceUpload;
use crate::validation;

/// The maximum size of a request body: a whole agent, and the multipart syntax around it.
pub(super) const MAX_BODY_BYTES: usize = MAX_SOURCE_BYTES + (16 << 10);

/// How many seconds a client should wait for a check after the system had no thread for it: other checks end
/// within seconds.
const RETRY_AFTER_S: u64 = 5;

/// Submit an agent
///
/// The response to the first upload of a `miner_id` contains a token, once; later uploads under that id must
/// send it. If the platform has a signing key, the response is a signed receipt. Browsers get a page.
#[utoipa::path(
    post, operation_id = "upload_agent", path = "/upload/agent", tag = "miners",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    security((), ("miner" = [])),
    responses(
        (status = 201, description = "The agent is stored", body = Receipt,
            headers(
                ("RateLimit-Policy" = String, description = "The quotas of the client, with their windows in seconds"),
                ("RateLimit" = String, description = "What remains of them, and the seconds until all of it does")
            )),
        (status = 200, description = "The same bytes were stored already", body = Receipt),
        ProblemResponse,
    ),
)]
pub(super) async fn agent(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    notes: RequestNotes,
    deadline: RequestDeadline,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, ProblemResponse> {
    if let Some(meters) = &app.meters {
        meters.upload(address)?;
    }
    let format = ResponseFormat::accepted(&headers);
    let token = auth::bearer(&headers)?;
    // The extractor rejects other media types, and this one without a boundary.
    let form = form.map_err(|_| {
        ProblemResponse::new(
            ProblemKind::MediaTypeUnsupported,
            "expected a multipart/form-data body: curl -F file=@agent.py -F miner_id=me",
        )
    })?;
    let submission = Submission::read(form).await?;
    let token = token.or_else(|| submission.token.clone());
    let site = app.site.clone();
    notes.about(&submission.miner_id);
    let slot = app.checks.clone().acquire_owned().await;
    let receipt = blocking(move || {
        let current = app.store.authorize(&submission.miner_id, token.as_deref())?;
        let violations =
            validation::violations(&submission.source).map_err(|error| check_failed(&error))?;
        if !violations.is_empty() {
            return Err(ProblemResponse::violations(violations));
        }
        let upload = SourceUpload::new(&submission.source).map_err(|error| check_failed(&error))?;
        let upload = SourceUpload { profile: submission.profile, ..upload };
        drop(slot);
        deadline.meet()?;
        let quota = match &current {
            // An upload that changes nothing is free.
            Some(current) if current.sha256 == Sha256::of(&submission.source) => None,
            Some(_) => Some(QuotaUse::Version(&submission.miner_id)),
            None => Some(QuotaUse::NewId(address)),
        };
        store(&app, &submission.miner_id, &upload, token.as_deref(), quota)
    })
    .await?;
    if !receipt.unchanged {
        let Receipt { miner_id, version, sha256, .. } = receipt.clone();
        notes.audit(AuditEvent::Upload { miner_id, version, sha256 });
    }
    let status = if receipt.unchanged { StatusCode::OK } else { StatusCode::CREATED };
    Ok(match format {
        ResponseFormat::Html => (status, receipt_page(&site, &receipt)).into_response(),
        _ => (status, Json(receipt)).into_response(),
    })
}

/// What a browser shows after an upload. It may contain a token, so it is not kept.
fn receipt_page(site: &PublicUrl, receipt: &Receipt) -> impl IntoResponse {
    let frame = Frame { site, title: "Submitted", live: false };
    let page = page::layout(frame, &page::receipt(site, receipt)).into_string();
    ([(header::CACHE_CONTROL, "private, no-store")], ReadyBody::html(page))
}

/// Stores the submission, and charges the quota only if it creates something.
fn store(
    app: &App,
    miner_id: &MinerId,
    upload: &SourceUpload<'_>,
    token: Option<&str>,
    quota: Option<QuotaUse<'_>>,
) -> Result<Receipt, ProblemResponse> {
    let charged = app.meters.as_ref().zip(quota);
    if let Some((meters, quota)) = charged {
        meters.take(quota)?;
    }
    let stored = app.store.put_upload(miner_id, upload, token);
    let is_created = stored.as_ref().is_ok_and(|receipt| !receipt.unchanged);
    if let (Some((meters, quota)), false) = (charged, is_created) {
        meters.refund(quota);
    }
    let receipt = stored?;
    let signature =
        app.settings.sign_key.as_ref().map(|key| key.sign(RECEIPT_NAMESPACE, receipt.statement()));
    Ok(Receipt { signature, ..receipt })
}

/// Exchange the token of an id for a new one
#[utoipa::path(
    post, operation_id = "exchange_token", path = "/agents/{miner_id}/token", tag = "miners",
    params(("miner_id" = MinerId, Path, description = "The owner of the token")),
    security(("miner" = [])),
    responses(
        (status = 200, description = "The new token; the old one is revoked", body = NewToken),
        ProblemResponse,
    ),
)]
pub(super) async fn rotate_token(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    PathSegment(miner_id): PathSegment,
    deadline: RequestDeadline,
    notes: RequestNotes,
    headers: HeaderMap,
) -> Result<Json<NewToken>, ProblemResponse> {
    if let Some(meters) = &app.meters {
        meters.upload(address)?;
    }
    let token = auth::bearer(&headers)?;
    let new = blocking(move || {
        let miner_id: MinerId =
            miner_id.parse().map_err(|error| ProblemResponse::not_an_id(&error))?;
        deadline.meet()?;
        let token = app.store.rotate_token(&miner_id, token.as_deref())?;
        Ok(NewToken { miner_id, token })
    })
    .await?;
    notes.audit(AuditEvent::TokenExchanged { miner_id: new.miner_id.clone() });
    Ok(Json(new))
}

/// The parts of an upload.
struct Submission {
    miner_id: MinerId,
    source: Bytes,
    /// From a form, which cannot send a header.
    token: Option<String>,
    profile: ProfileEdits,
}

impl Submission {
    async fn read(mut form: Multipart) -> Result<Self, ProblemResponse> {
        let (mut miner_id, mut source, mut token) = (None, None, None);
        let (mut display_name, mut url) = (None, None);
        while let Some(field) = form.next_field().await.map_err(malformed)? {
            match field.name() {
                Some("miner_id") if miner_id.is_none() => miner_id = Some(id_in(field).await?),
                Some("file") if source.is_none() => source = Some(file_in(field).await?),
                Some("token") if token.is_none() => {
                    token = Some(field.text().await.map_err(malformed)?.trim().to_owned());
                }
                Some("display_name") if display_name.is_none() => {
                    display_name = Some(edit_in(field).await?);
                }
                Some("url") if url.is_none() => url = Some(edit_in(field).await?),
                Some(again @ ("miner_id" | "file" | "token" | "display_name" | "url")) => {
                    return Err(unprocessable(format!("duplicate part '{again}': send it once")));
                }
                Some(_) => return Err(unprocessable(format!("unknown part: {PARTS}"))),
                None => return Err(unprocessable(format!("part without a name: {PARTS}"))),
            }
        }
        let missing =
            |part, example| move || unprocessable(format!("missing part '{part}': add {example}"));
        Ok(Self {
            miner_id: miner_id.ok_or_else(missing("miner_id", "-F miner_id=me"))?,
            source: source.ok_or_else(missing("file", "-F file=@agent.py"))?,
            token: token.filter(|token| !token.is_empty()),
            profile: ProfileEdits {
                display_name: display_name.unwrap_or_default(),
                url: url.unwrap_or_default(),
            },
        })
    }
}

/// Which parts an upload may have.
const PARTS: &str = "send only 'file', 'miner_id', 'token', 'display_name' and 'url'";

async fn edit_in<T>(field: Field<'_>) -> Result<ProfileEdit<T>, ProblemResponse>
where
    T: FromStr<Err = ParseProfileError>,
{
    let bytes = field.bytes().await.map_err(malformed)?;
    let text = String::from_utf8_lossy(&bytes);
    text.parse().map_err(|error: ParseProfileError| unprocessable(error.to_string()))
}

async fn id_in(field: Field<'_>) -> Result<MinerId, ProblemResponse> {
    let bytes = field.bytes().await.map_err(malformed)?;
    let text = String::from_utf8_lossy(&bytes);
    text.parse().map_err(|error: ParseMinerIdError| {
        ProblemResponse::new(ProblemKind::MinerIdInvalid, error.to_string())
    })
}

async fn file_in(mut field: Field<'_>) -> Result<Bytes, ProblemResponse> {
    // Without the @, curl sends the name of the file as a text.
    if field.file_name().is_none() {
        return Err(unprocessable(
            "the part 'file' is a text and not a file: write -F file=@agent.py, with an @",
        ));
    }
    let mut source = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        if source.len() + chunk.len() > MAX_SOURCE_BYTES {
            return Err(too_large());
        }
        source.extend_from_slice(&chunk);
    }
    Ok(source.into())
}

#[expect(clippy::needless_pass_by_value, reason = "a parameter of map_err")]
fn malformed(error: MultipartError) -> ProblemResponse {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    let detail = "malformed multipart body: it ends early, or its boundaries are not those that Content-Type \
                  names; send it again";
    ProblemResponse::new(ProblemKind::BodyMalformed, detail)
}

/// The system had no thread for the parser. The file is not to blame.
fn check_failed(error: &io::Error) -> ProblemResponse {
    log_line(format_args!("an upload could not be checked: {error}"));
    let detail = "the platform could not check the file: try again later";
    ProblemResponse::new(ProblemKind::Overloaded, detail)
        .with(header::RETRY_AFTER, RETRY_AFTER_S.into())
}

fn too_large() -> ProblemResponse {
    let detail = format!("the file is too large: the maximum is {MAX_SOURCE_BYTES} bytes");
    ProblemResponse::new(ProblemKind::BodyTooLarge, detail)
}

fn unprocessable(detail: impl Into<String>) -> ProblemResponse {
    ProblemResponse::new(ProblemKind::FormInvalid, detail)
}
