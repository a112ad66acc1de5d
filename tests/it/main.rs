//! Tests of the `arena` binary: what it prints, what it keeps, and its exit status.

mod cluster;
mod command_line;
mod config;
mod copies;
mod docs;
mod evaluate;
mod export;
mod faults;
mod house_rules;
mod mine;
mod model;
mod operator;
mod partition;
mod private_tasks;
mod rankings;
mod reasons;
mod regrade;
mod remote;
mod rounds;
mod samples;
mod show;
mod signatures;
#[cfg(feature = "outside-tools")]
mod site;
mod support;
mod terminal;
mod uncertainty;
mod withdraw;
