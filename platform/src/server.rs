//! The HTTP server: what miners, validators and readers use.
//!
//! It takes a listener and a shutdown future, so that a test can bind port 0 and stop it. The store's calls
//! block on the disk, so they run on threads for blocking work.

mod accept;
mod agent_lists;
mod app;
mod auth;
mod board;
mod body;
mod body_choice;
mod build_cache;
mod case_rates;
mod client_address;
mod extract;
mod feed;
mod health;
mod history;
mod live;
mod log;
mod metrics;
mod middleware;
mod negotiation;
mod observe;
mod openapi;
mod page;
mod problem;
mod public_url;
mod quota;
mod ranking_table;
mod rate_limit;
mod response_format;
mod routes;
mod run;
mod settings;
mod similar_agents;
mod submission;

pub use log::{LogFile, LogFormat, ServerLog};
pub use public_url::{ParsePublicUrlError, PublicUrl};
pub use run::{Listeners, serve};
pub use settings::{HttpLimits, Quotas, Settings};
