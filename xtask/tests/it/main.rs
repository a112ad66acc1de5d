//! Tests of xtask with fake programs: no root, no Docker, no network.

mod fakes;
mod setup;
