//! A round of agents and tasks against one `docker run --rm` for each trial, with the same limits.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use tasks::Task;

use crate::agents::SEED;
use crate::repeated_round::RepeatedRound;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget};
use crate::setup::BenchSetup;
use crate::{program, tools};

/// Measures a round of `agents` agents with both kinds of isolation, taking turns with its peer.
pub fn measure(setup: &BenchSetup, agents: u32, report: &mut BenchReport) -> anyhow::Result<()> {
    tools::check(&[("docker", "docker.io")])?;
    let round = MeasuredRound::prepare(setup, agents)?;
    let (mut per_agent, mut per_trial, mut docker_run) = (vec![], vec![], vec![]);
    for run in 1..=setup.runs {
        let tasks = round.round.tasks.len();
        progress(&format!("{agents} agents x {tasks} tasks: run {run} of {}", setup.runs));
        docker_run.push(round.docker_run()?);
        per_agent.push(round.evaluate("agent")?);
        per_trial.push(round.evaluate("trial")?);
    }
    for (isolation, ours, bound) in [("agent", per_agent, 0.15), ("trial", per_trial, 0.6)] {
        let (tasks, jobs) = (round.round.tasks.len(), setup.jobs);
        let subject = RowSubject {
            what: format!("{agents} agents x {tasks} tasks, --isolation {isolation}"),
            against: format!(
                "'docker run --rm' for each trial, {jobs} at a time, same limits, nothing judged"
            ),
            unit: "s",
        };
        let figures = RowFigures { ours, theirs: docker_run.clone() };
        report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(bound)))?;
    }
    Ok(())
}

/// A round, and what `docker run` needs for the same trials.
struct MeasuredRound<'a> {
    setup: &'a BenchSetup,
    round: RepeatedRound<'a>,
    image: String,
}

impl<'a> MeasuredRound<'a> {
    /// The peer runs no controls, so theirs are not measured.
    fn prepare(setup: &'a BenchSetup, agents: u32) -> anyhow::Result<Self> {
        let printed = program::run(Command::new(&setup.arena).arg("image"), "arena image")?.stdout;
        let (_, image) = printed.trim().split_once('@').context("arena image prints NAME@ID")?;
        let round = RepeatedRound::prepare(setup, agents)?;
        Ok(Self { setup, round, image: image.to_owned() })
    }

    fn evaluate(&self, isolation: &str) -> anyhow::Result<f64> {
        self.round.evaluate(&["--isolation", isolation])
    }

    /// Seconds that the same trials take with one `docker run --rm` each. Nothing is judged, which is in the
    /// peer's favour.
    fn docker_run(&self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let RepeatedRound { sources, tasks, .. } = &self.round;
        let trials =
            sources.iter().flat_map(|source| tasks.iter().map(move |task| (source.as_str(), task)));
        let queue = Mutex::new(trials);
        let worker = || {
            loop {
                let next = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
                let Some((source, task)) = next else { return anyhow::Ok(()) };
                self.docker_run_once(source, task)?;
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.setup.jobs).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().map_err(|_| anyhow::anyhow!("a worker of the benchmark panicked"))?
            })
        })?;
        Ok(started.elapsed().as_secs_f64())
    }

    fn docker_run_once(&self, source: &str, task: &Task) -> anyhow::Result<()> {
        let limits = &task.limits;
        let mut run = Command::new("docker")
            .args(["run", "--rm", "--interactive", "--network=none", "--read-only", "--ipc=none"])
            .args(["--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=70000:70000"])
            .args(["--cgroupns=private", "--log-driver=none", "--workdir=/work", "--cpus=1"])
            .arg(format!("--memory={}", limits.memory_bytes))
            .arg(format!("--memory-swap={}", limits.memory_bytes))
            .arg(format!("--pids-limit={}", limits.pids))
            .arg(format!("--tmpfs=/work:rw,nosuid,nodev,size={},uid=70000", limits.work_bytes))
            .arg(&self.image)
            .args(["timeout", "10", "python", "-P", "-s", "-X", "utf8", "-", "--task"])
            .arg(task.prompt(SEED))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start 'docker run'")?;
        let mut stdin = run.stdin.take().context("stdin is piped")?;
        stdin.write_all(source.as_bytes())?;
        drop(stdin);
        let output = run.wait_with_output()?;
        ensure!(
            output.status.success() && !output.stdout.is_empty(),
            "'docker run' ended with {}",
            output.status
        );
        Ok(())
    }
}
