//! The platform: the agent store and the HTTP API that miners, validators and readers use.
//!
//! [`api`] holds the JSON types that both ends share, [`store`] is the only code that opens a stored
//! agent, [`client`] calls the API, and [`signing`] signs rankings and receipts. Feature `validation`
//! adds the check of submissions and the comparison of agents, and feature `server`, which implies it, the HTTP server.
//! Files are the database; nothing here knows of Docker or of how scores are computed.

pub mod api;
pub mod client;
pub mod log;
#[cfg(feature = "server")]
pub mod server;
pub mod signing;
#[cfg(feature = "validation")]
pub mod similarity;
pub mod store;
#[cfg(feature = "validation")]
pub mod validation;

pub use api::MinerId;
