//! The platform: who has submitted what, and the HTTP API that miners, validators and readers meet.
//!
//! [`store`] is the only code that opens a stored agent, [`validation`] says early what is wrong with
//! a submission, [`server`] and [`client`] are the two ends of the API, and [`rankings`] is what a
//! round leaves behind. Files are the database; nothing here knows of Docker or of scores' meaning.

pub mod api;
pub mod client;
pub mod rankings;
pub mod server;
pub mod store;
mod tell;
pub mod validation;

pub use store::MinerId;
pub use tell::tell;
