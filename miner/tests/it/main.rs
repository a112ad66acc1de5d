//! Tests of the miner library across its modules.

#[cfg(feature = "outside-tools")]
mod clients;
#[cfg(feature = "outside-tools")]
mod llmock;
mod loop_run;
mod mining_job;
mod mining_jobs;
mod mining_loop;
mod provider_failures;
mod provider_formats;
mod provider_server;
mod provider_variants;
