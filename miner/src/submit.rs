//! From a local file to the platform and its rankings.

pub mod agent_file;
pub mod receipt;
pub mod status;
pub mod token;
pub mod upload;
