//! `arena nats init`: writes the configuration of NATS servers, certificates, and keys.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cluster::setup::{ClusterSetup, Durability, SetupFile, file_stem};

use crate::console::print;
use crate::exit::{CommandError, Result};

/// Arguments of `nats`.
#[derive(Args)]
pub struct NatsCommandArgs {
    #[command(subcommand)]
    command: NatsCommand,
}

/// What to do about servers.
#[derive(Subcommand)]
enum NatsCommand {
    /// Write server configurations, certificates and keys for a coordinator and its workers
    #[command(after_help = "Examples:\n  arena nats init cluster --workers 4\n  \
            arena nats init cluster --workers 8 --host nats-1 --host nats-2 --host nats-3")]
    Init(NatsInitArgs),
}

/// Arguments of `nats init`.
#[derive(Args)]
struct NatsInitArgs {
    /// Directory to write; it must not exist, because keys are never replaced
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Number of workers that get a key
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    workers: u32,
    /// Name or address of a server; repeat it for a cluster, which needs three to survive the loss of one
    #[arg(long = "host", value_name = "NAME", default_value = "localhost")]
    hosts: Vec<String>,
    /// Where servers keep messages
    #[arg(long, value_name = "DIR", default_value = "/var/lib/nats")]
    data: PathBuf,
    /// Have servers write each message to the disk before they acknowledge it (nats-server 2.10 or later)
    #[arg(long)]
    sync_always: bool,
}

/// Writes the files.
pub fn run(args: &NatsCommandArgs) -> Result {
    let NatsCommand::Init(args) = &args.command;
    if ![1, 3, 5].contains(&args.hosts.len()) {
        return Err(CommandError::Input(format!(
            "{} servers cannot form a majority that survives a loss; name one --host, three or five",
            args.hosts.len()
        )));
    }
    let durability = if args.sync_always { Durability::Power } else { Durability::Process };
    let setup = ClusterSetup {
        hosts: args.hosts.clone(),
        workers: args.workers,
        data: args.data.clone(),
        durability,
    };
    let files = setup.files().map_err(CommandError::input)?;
    let directory = &args.directory;
    let failed = |path: &Path, error: std::io::Error| {
        CommandError::Input(format!("cannot write {}: {error}", path.display()))
    };
    DirBuilder::new().mode(0o755).create(directory).map_err(|error| failed(directory, error))?;
    for SetupFile { name, text, secret } in &files {
        let path = directory.join(name);
        let mode = if *secret { 0o600 } else { 0o644 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| failed(&path, error))?;
    }
    let shown = directory.display();
    let first = file_stem(&args.hosts[0]);
    print(&format!(
        "{shown}: configurations of {} server(s), keys for a coordinator, an observer and {} worker(s)\n\
         server       cd {shown} && nats-server --config {first}.conf\n\
         coordinator  arena evaluate --nats tls://{}:4222 --nats-creds {shown}/coordinator.nk\n\
         worker       arena work --nats tls://{}:4222 --nats-creds worker-1.nk   (ca.pem next to it)\n",
        args.hosts.len(),
        args.workers,
        args.hosts[0],
        args.hosts[0],
    ))
}
