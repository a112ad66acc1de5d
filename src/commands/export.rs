//! `arena export`: a closed round as a directory that a stranger needs nothing else for.

use std::path::PathBuf;

use clap::Args;
use harness::export::write::{ExportRequest, JournalExport, export};

use crate::args::{BenchmarkArgs, DiscloseArgs, PackageArgs, StoreArgs};
use crate::console::print;
use crate::exit::Result;

/// Arguments of `export`.
#[derive(Args)]
pub struct ExportArgs {
    /// Id of a closed round, or 'latest'
    #[arg(value_name = "ROUND")]
    round: String,
    /// New or empty directory to write to
    #[arg(long = "to", value_name = "DIR")]
    directory: PathBuf,
    /// Publish what the agents asked the model, and its responses
    #[arg(long)]
    with_model_journal: bool,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    packages: PackageArgs,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Writes the export, and prints how to check it.
pub fn run(args: &ExportArgs) -> Result {
    let store = args.store.open_existing()?;
    let benchmark = args.benchmark.read()?;
    let journal =
        if args.with_model_journal { JournalExport::Included } else { JournalExport::LeftOut };
    let written = export(&ExportRequest {
        store: &store,
        round: &args.round,
        benchmark: benchmark.as_ref().map(|benchmark| (benchmark, args.packages.site_packages)),
        disclose: args.disclose.disclose,
        journal,
        directory: &args.directory,
    })?;
    let directory = args.directory.display();
    print(&format!(
        "round {}: {} files in {directory}; 'arena verify {directory}' checks them\n",
        written.ranked.round.id, written.files
    ))
}
