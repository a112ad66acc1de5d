//! placeholder
use super::Failure;
use crate::cli::Bench;
pub async fn run(_args: Bench) -> Result<(), Failure> {
    Ok(())
}
