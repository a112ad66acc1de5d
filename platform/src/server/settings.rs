//! What the operator decides. Limits and quotas are on unless switched off.

use std::time::Duration;

use super::log::ServerLog;
use super::public_url::PublicUrl;
use crate::api::USUAL_MAX_DOCUMENT_BYTES;
use crate::signing::SigningKey;

/// The configuration of a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The token that grants reading sources and publishing rankings. Without one, neither is possible.
    pub validator_token: Option<String>,
    /// The key that receipts of uploads are signed with. Without one, they are not signed.
    pub sign_key: Option<SigningKey>,
    /// How much one miner and one address may upload. `None` is for trusted networks only.
    pub quotas: Option<Quotas>,
    /// Whether a reverse proxy in front of the server sets `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Where clients reach the server.
    pub public_url: PublicUrl,
    /// Where requests and events are logged.
    pub log: ServerLog,
    /// The limits of one connection and one request.
    pub limits: HttpLimits,
    /// Whether the page marks similar agents, and which published code does not count as evidence.
    pub similarity: Option<Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            validator_token: None,
            sign_key: None,
            quotas: Some(Quotas::STANDARD),
            behind_proxy: false,
            public_url: PublicUrl::default(),
            log: ServerLog::default(),
            limits: HttpLimits::STANDARD,
            similarity: Some(Vec::new()),
        }
    }
}

/// Uploads per hour. All of an hour's quota may be used at once; it refills evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// New versions of one miner's agent.
    pub per_id_hour: u32,
    /// Uploads from one address, including refused ones.
    pub per_address_hour: u32,
    /// New ids from one address.
    pub new_ids_hour: u32,
}

impl Quotas {
    /// Enough for a busy miner, and for a class of them behind one address.
    pub const STANDARD: Self = Self { per_id_hour: 60, per_address_hour: 1_200, new_ids_hour: 300 };
}

/// The limits of one connection and one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Concurrent connections. Further ones wait in the system's queue.
    pub connections: usize,
    /// Concurrent connections of one address; further ones are closed. Not applied behind a proxy or without
    /// quotas.
    pub connections_per_address: usize,
    /// Bytes of a published ranking, or of another document of the validator.
    pub document_bytes: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// Total bytes of a request's header lines. It bounds the memory of a connection that sends nothing else.
    pub header_bytes: usize,
    /// Time for the whole header, and for the next request on a connection that is kept open.
    pub header_time: Duration,
    /// Time from the header to the response, including the arrival of the body.
    pub request_time: Duration,
    /// Time after which a connection accepts no further request.
    pub connection_time: Duration,
    /// Extra time for the request in progress at that point, or when the server stops: for what is being
    /// stored, and for slow readers.
    pub drain_time: Duration,
}

impl HttpLimits {
    /// Fair to slow connections, and too little to occupy the server.
    pub const STANDARD: Self = Self {
        connections: 4_096,
        connections_per_address: 256,
        // A ranking of 10,000 agents on 62 tasks has about 45 MiB.
        document_bytes: USUAL_MAX_DOCUMENT_BYTES,
        headers: 64,
        header_bytes: 16 << 10,
        header_time: Duration::from_secs(15),
        request_time: Duration::from_secs(30),
        connection_time: Duration::from_mins(5),
        drain_time: Duration::from_secs(30),
    };

    /// Time after which the request in progress is aborted when no new one may begin.
    pub(super) fn finish_time(self) -> Duration {
        self.request_time + self.drain_time
    }
}
