//! The integration tests of the platform, in one binary.

mod api;
#[cfg(feature = "outside-tools")]
mod browser;
#[cfg(feature = "outside-tools")]
mod conformance;
mod crash;
mod faults;
mod fuzz;
mod health;
mod http;
mod observability;
mod page;
mod problems;
mod rankings;
mod results;
mod submission;
mod support;
