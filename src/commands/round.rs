//! `arena round status`: how far a round over many machines is.

use clap::{Args, Subcommand};
use cluster::status::{self, RoundStatusReport, WorkerStatus};

use crate::args::OutputArgs;
use crate::console::{Console, print, print_json};
use crate::exit::Result;
use crate::interrupt::abort_on_signal;
use crate::nats::NatsArgs;

/// Arguments of `round`.
#[derive(Args)]
pub struct RoundArgs {
    #[command(subcommand)]
    command: RoundCommand,
}

/// What to do about a round.
#[derive(Subcommand)]
enum RoundCommand {
    /// Show batches done, running and waiting, the workers, and how long the rest takes
    #[command(after_help = "Examples:\n  arena round status --nats nats://host:4222\n  \
            watch arena round status --nats nats://host:4222")]
    Status(RoundStatusArgs),
}

/// Arguments of `round status`.
#[derive(Args)]
struct RoundStatusArgs {
    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the status.
pub async fn run(args: RoundArgs) -> Result {
    let RoundCommand::Status(args) = args.command;
    let console = Console::new();
    let report = abort_on_signal(async {
        let connection = args.nats.connect(&console).await?;
        Ok(status::read(&connection).await?)
    });
    let report = report.await?;
    if args.output.json { print_json(&report) } else { print(&text(&report)) }
}

/// The status in a few lines.
fn text(report: &RoundStatusReport) -> String {
    let RoundStatusReport { coordinator, waiting, running, results_waiting, eta_seconds } = report;
    let Some(status) = coordinator else {
        return "no round yet: start one with 'arena evaluate --nats'\n".to_owned();
    };
    let state = if status.over { "over" } else { "in progress" };
    let mut text = format!("round {} {state}\n", status.round);
    text += &format!(
        "batches: {} done, {running} running, {waiting} waiting, {} in the audit\n",
        status.batches_done, status.audits_open
    );
    text += &format!(
        "trials:  {} judged, {} missing, {results_waiting} records to be stored\n",
        status.trials_judged, status.trials_missing
    );
    if let Some(seconds) = eta_seconds {
        text += &format!("ready in about {}\n", duration(*seconds));
    }
    for worker in &status.workers {
        text += &worker_line(worker);
    }
    text
}

fn worker_line(worker: &WorkerStatus) -> String {
    let WorkerStatus { id, host, jobs, running, judged, silent_seconds, refuses, void } = worker;
    let state = match refuses {
        _ if *void => "its records are void".to_owned(),
        _ if *silent_seconds > 10.0 => "gone".to_owned(),
        Some(why) => format!("takes no work: {why}"),
        None => format!("{running} of {jobs} jobs at work"),
    };
    format!("  {}  {host}: {judged} trials, {state}\n", &id.as_str()[..8])
}

/// A time in the largest unit that leaves a number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times are positive")]
fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_in_units_for_people() {
        for (seconds, text) in
            [(0.2, "1 s"), (119.0, "119 s"), (120.0, "2 min"), (7_260.0, "2 h 1 min")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
