//! Tests of the miner library across its modules.

#[cfg(feature = "outside-tools")]
mod llmock;
mod mining_loop;
mod providers;
