//! A round of agents and tasks against one `docker run --rm` for each trial, with the same limits.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tasks::Task;

use crate::agents::{SEED, agent, tasks};
use crate::platform::server::MeasuredServer;
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
        let tasks = round.tasks.len();
        progress(&format!("{agents} agents x {tasks} tasks: run {run} of {}", setup.runs));
        docker_run.push(round.docker_run()?);
        per_agent.push(round.evaluate("agent")?);
        per_trial.push(round.evaluate("trial")?);
    }
    for (isolation, ours, bound) in [("agent", per_agent, 0.15), ("trial", per_trial, 0.6)] {
        let (tasks, jobs) = (round.tasks.len(), setup.jobs);
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

/// A store of agents that print the right answers, and the same trials for `docker run`.
struct MeasuredRound<'a> {
    setup: &'a BenchSetup,
    store: tempfile::TempDir,
    tasks: Vec<Task>,
    sources: Vec<String>,
    image: String,
    /// Files of the results that stay between runs: those of the arena's own controls
    controls: HashSet<OsString>,
}

impl<'a> MeasuredRound<'a> {
    fn prepare(setup: &'a BenchSetup, agents: u32) -> anyhow::Result<Self> {
        let tasks = tasks();
        let sources = (0..agents).map(|number| agent(&tasks, &number.to_string())).collect();
        let store = tempfile::tempdir_in(&setup.dir)?;
        let printed = program::run(Command::new(&setup.arena).arg("image"), "arena image")?.stdout;
        let (_, image) = printed.trim().split_once('@').context("arena image prints NAME@ID")?;
        let image = image.to_owned();
        let mut round = Self { setup, store, tasks, sources, image, controls: HashSet::new() };
        // The peer runs no controls, so theirs are done before there are agents.
        let server = MeasuredServer::arena(&setup.arena, round.store.path(), None)?;
        program::run(&mut round.command("agent"), "arena evaluate")?;
        round.controls = round.results()?.into_iter().collect();
        for (number, source) in round.sources.iter().enumerate() {
            server.upload(&format!("agent-{number}"), source, None)?;
        }
        Ok(round)
    }

    fn command(&self, isolation: &str) -> Command {
        let mut command = Command::new(&self.setup.arena);
        command.args(["evaluate", "--json", "--disclose", "none", "--isolation", isolation]);
        command.args(["--seed", &SEED.0.to_string(), "--jobs", &self.setup.jobs.to_string()]);
        command.arg("--store").arg(self.store.path());
        for task in &self.tasks {
            command.args(["--task", task.id.as_str()]);
        }
        command
    }

    /// Seconds that `arena evaluate` takes, judging included and without any result looked up.
    fn evaluate(&self, isolation: &str) -> anyhow::Result<f64> {
        for name in self.results()?.iter().filter(|name| !self.controls.contains(*name)) {
            fs::remove_file(self.results_dir().join(name))?;
        }
        let measured = program::run(&mut self.command(isolation), "arena evaluate")?;
        let document: Value = serde_json::from_str(&measured.stdout)?;
        let records = document["trials"].as_array().context("arena evaluate prints trials")?;
        let accepted = records.iter().filter(|record| record["verdict"] == "AC").count();
        let trials = self.sources.len() * self.tasks.len();
        ensure!(accepted == trials, "{accepted} of {trials} trials were accepted, expected all");
        Ok(measured.seconds)
    }

    fn results_dir(&self) -> PathBuf {
        self.store.path().join("results")
    }

    fn results(&self) -> anyhow::Result<Vec<OsString>> {
        let names = fs::read_dir(self.results_dir())?.map(|entry| Ok(entry?.file_name()));
        names.collect()
    }

    /// Seconds that the same trials take with one `docker run --rm` each. Nothing is judged, which is in the
    /// peer's favour.
    fn docker_run(&self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let trials = self
            .sources
            .iter()
            .flat_map(|source| self.tasks.iter().map(move |task| (source.as_str(), task)));
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
