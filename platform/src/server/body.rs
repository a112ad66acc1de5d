//! Bodies that are built once: the bytes, their tag and their compressed form.
//!
//! A body that does not change between two requests is kept as a [`ReadyBody`]. Hashing and compressing it again for each
//! reader would take the processor from everyone else.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use tasks::Sha256;

/// The size from which a body is worth compressing, in bytes: smaller ones fit in one packet anyway.
const LEAST_COMPRESSED: usize = 1 << 10;

/// A whole body of a response with status 200. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct ReadyBody(Arc<Encodings>);

#[derive(Debug)]
struct Encodings {
    kind: HeaderValue,
    plain: Bytes,
    gzip: Option<Bytes>,
    tag: HeaderValue,
}

impl ReadyBody {
    /// Hashes and compresses the bytes. That takes milliseconds for a megabyte, so large bodies are made on a thread for
    /// blocking work.
    pub(super) fn new(kind: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        let plain = bytes.into();
        // A weak tag: compression changes the bytes but not the meaning.
        let tag = format!("W/\"{}\"", &Sha256::of(&plain).as_str()[..32]);
        let tag = HeaderValue::from_str(&tag).expect("hex digits are a valid value");
        let gzip = gzip(&plain);
        Self(Arc::new(Encodings { kind, plain, gzip, tag }))
    }

    /// A body of JSON.
    pub(super) fn json(bytes: impl Into<Bytes>) -> Self {
        Self::new(HeaderValue::from_static("application/json"), bytes)
    }

    /// A page.
    pub(super) fn html(text: String) -> Self {
        Self::new(HeaderValue::from_static("text/html; charset=utf-8"), text)
    }

    /// The media type.
    pub(super) fn kind(&self) -> &HeaderValue {
        &self.0.kind
    }

    /// The `ETag`.
    pub(super) fn tag(&self) -> &HeaderValue {
        &self.0.tag
    }

    /// The bytes, without compression.
    pub(super) fn plain(&self) -> &Bytes {
        &self.0.plain
    }

    /// The compressed bytes, unless compression gains nothing.
    pub(super) fn gzip(&self) -> Option<&Bytes> {
        self.0.gzip.as_ref()
    }
}

/// The response has no bytes yet: [`super::body_choice`] chooses between the forms.
impl IntoResponse for ReadyBody {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.headers_mut().insert(header::CONTENT_TYPE, self.0.kind.clone());
        response.extensions_mut().insert(self);
        response
    }
}

fn gzip(plain: &Bytes) -> Option<Bytes> {
    if plain.len() < LEAST_COMPRESSED {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::default());
    encoder.write_all(plain).expect("a Vec takes everything");
    let compressed = encoder.finish().expect("a Vec takes everything");
    (compressed.len() < plain.len()).then(|| compressed.into())
}
