//! The integration tests of the platform, in one binary.

mod api;
mod backup;
#[cfg(feature = "outside-tools")]
mod browser;
#[cfg(feature = "outside-tools")]
mod conformance;
mod crash;
mod examples;
mod faults;
mod feed;
mod fuzz;
mod health;
mod http;
mod live;
#[cfg(feature = "outside-tools")]
mod nginx;
mod observability;
mod owner;
mod page;
mod problems;
#[cfg(feature = "outside-tools")]
mod python_client;
mod rankings;
mod results;
mod shared_store;
mod slow_disk;
mod submission;
mod support;
