//! `arena work`: runs the batches of a coordinator until Ctrl-C or SIGTERM.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cluster::streams::Timing;
use cluster::worker::dispatcher::WorkerOrder;
use cluster::worker::run::Worker;
use cluster::worker::workshop::DockerWorkshop;
use tokio::sync::watch;

use crate::args::{JobsArgs, SandboxArgs};
use crate::console::Console;
use crate::exit::Result;
use crate::interrupt;
use crate::nats::{self, NatsArgs};

/// Arguments of `work`.
#[derive(Args)]
pub struct WorkArgs {
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    jobs: JobsArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    /// Directory for the expected values of benchmarks
    #[arg(long, value_name = "DIR", default_value = "./worker-cache")]
    cache: PathBuf,
    /// Seconds in which batches may end after SIGTERM or Ctrl-C; what is left then is given back
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    grace: u64,
}

/// Works until a signal comes, finishes its batches or gives them back, and ends with status 0.
pub async fn run(args: WorkArgs) -> Result {
    interrupt::listen()?;
    let console = Console::new();
    let connection = args.nats.connect(&console).await?;
    let print = {
        let console = console.clone();
        Arc::new(move |text: String| console.print_line(&text))
    };
    let on_image = {
        let console = console.clone();
        Arc::new(move |event| console.image_event(event))
    };
    console.print_line(&format!("worker {}", connection.identity.id()));
    let jobs = args.jobs.count();
    let workshop = DockerWorkshop {
        settings: args.sandbox.settings(),
        cache: args.cache.clone(),
        jobs,
        on_event: print.clone(),
        on_image,
    };
    let worker = Worker {
        connection,
        timing: Timing::default(),
        workshop: Arc::new(workshop),
        jobs,
        host: nats::host(),
        on_event: print.clone(),
    };
    let (order, orders) = watch::channel(WorkerOrder::Work);
    let ended = tokio::select! {
        ended = worker.run(orders) => ended,
        () = stop(&order, Duration::from_secs(args.grace), &print) => unreachable!("it waits"),
    };
    Ok(ended?)
}

/// Orders the worker to stop when a signal comes: first to finish, then to give back.
async fn stop(order: &watch::Sender<WorkerOrder>, grace: Duration, print: &Arc<impl Fn(String)>) {
    interrupt::received().await;
    print("stopping: finishing the batches at work".to_owned());
    order.send_replace(WorkerOrder::Drain);
    tokio::time::sleep(grace).await;
    print("stopping: giving back what is left".to_owned());
    order.send_replace(WorkerOrder::GiveBack);
    std::future::pending::<()>().await;
}
