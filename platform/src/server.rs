//! The HTTP server: what miners, validators and readers use.
//!
//! It takes a listener and a shutdown future, so that a test can bind port 0 and stop it. The store's calls
//! block on the disk, so they run on threads for blocking work.

mod accept;
mod app;
mod auth;
mod board;
mod client_address;
mod extract;
mod health;
mod log;
mod metrics;
mod middleware;
mod observe;
mod openapi;
mod page;
mod problem;
mod public_url;
mod quota;
mod rate_limit;
mod routes;
mod run;
mod settings;
mod similar_agents;
mod submission;

pub use log::{LogFile, LogFormat, ServerLog};
pub use public_url::{ParsePublicUrlError, PublicUrl};
pub use routes::router;
pub use run::{Listeners, serve};
pub use settings::{HttpLimits, Quotas, Settings};
