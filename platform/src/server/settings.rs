//! What the operator decides, with limits and quotas that are on unless switched off.

use std::time::Duration;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a validator must bring to read sources and to put rankings. Without it nobody can.
    pub validator_token: Option<String>,
    /// How much one miner and one address may upload. `None` is for trusted networks alone.
    pub quotas: Option<Quotas>,
    /// Whether a proxy stands before the server and says in `X-Forwarded-For` who is asking.
    pub behind_proxy: bool,
    /// What one connection and one request may take.
    pub limits: HttpLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            validator_token: None,
            quotas: Some(Quotas::STANDARD),
            behind_proxy: false,
            limits: HttpLimits::STANDARD,
        }
    }
}

/// How many in an hour. All of them may come at once; after that they come back evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// New versions of one miner's agent.
    pub per_id_hour: u32,
    /// Uploads from one address, those included that are refused.
    pub per_address_hour: u32,
    /// New ids from one address.
    pub new_ids_hour: u32,
}

impl Quotas {
    /// Enough for a busy miner, and for a class of them behind one address.
    pub const STANDARD: Self = Self { per_id_hour: 60, per_address_hour: 1_200, new_ids_hour: 300 };
}

/// What one connection and one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections at once. Further ones wait in the system's queue.
    pub connections: usize,
    /// Connections of one address at once; further ones are closed. Not behind a proxy, nor without quotas.
    pub connections_per_address: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// Bytes of all header lines together. It bounds the memory of a connection that sends nothing else.
    pub header_bytes: usize,
    /// Time for the whole header, and for the next request on a connection that is kept open.
    pub header_time: Duration,
    /// Time from the header to the answer, the body's arrival included.
    pub request_time: Duration,
    /// Time after which a connection takes no other request.
    pub connection_time: Duration,
    /// Time that the request under way gets then, or when the server stops, beyond what every request has: for
    /// what is being stored, and for slow readers.
    pub drain_time: Duration,
}

impl HttpLimits {
    /// Time after which the request under way is given up when nothing new begins.
    pub(super) fn finish_time(self) -> Duration {
        self.request_time + self.drain_time
    }

    /// Fair to slow lines, and too little to hold the server up.
    pub const STANDARD: Self = Self {
        connections: 4_096,
        connections_per_address: 256,
        headers: 64,
        header_bytes: 16 << 10,
        header_time: Duration::from_secs(15),
        request_time: Duration::from_secs(30),
        connection_time: Duration::from_mins(5),
        drain_time: Duration::from_secs(30),
    };
}
