//! Agents on tasks, beside one `docker run --rm` for each trial with the same limits.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::tasks::{Seed, Sha256};
use harness::Fault;
use harness::round::controls::controls;
use harness::round::run::{self as round, Agent, Isolation, Plan, Source};
use harness::sandbox::Sandbox;
use harness::trial::instance::Prepared;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Better, Report, Row};
use crate::commands::Failure;

/// Tasks of the measured round.
const TASKS: usize = 10;

/// Measures a round of `agents` agents, `runs` times, in turns with its rival.
pub async fn rows(
    sandbox: Sandbox,
    (agents, jobs, runs): (u32, usize, u32),
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let bench = Arc::new(Round::new(sandbox, agents, jobs));
    let (mut shared, mut fresh, mut docker_run) = (vec![], vec![], vec![]);
    for run in 1..=runs {
        report.say(&format!("{agents} agents x {TASKS} tasks: run {run} of {runs}"));
        docker_run.push(bench.docker_run().await?);
        shared.push(bench.ours(Isolation::Agent).await?);
        fresh.push(bench.ours(Isolation::Trial).await?);
    }
    let row = |isolation: &str, ours: Vec<f64>, to_reach: &str, ratio: f64| {
        Row::new(
            format!("{agents} agents x {TASKS} tasks, --isolation {isolation}"),
            format!(
                "'docker run --rm' for each trial, {jobs} at a time, same limits, nothing judged"
            ),
            "s",
            (ours, docker_run.clone()),
            (Better::Lower, to_reach, ratio),
        )
    };
    report.add(row("agent", shared, "0.2 or less", 0.2))?;
    report.add(row("trial", fresh, "1 or less", 1.0))
}

/// The round that is measured: agents that print the right answers, each a little different.
struct Round {
    sandbox: Sandbox,
    agents: Vec<(Agent, String)>,
    tasks: Arc<[Prepared]>,
    jobs: usize,
}

impl Round {
    fn new(sandbox: Sandbox, agents: u32, jobs: usize) -> Self {
        let tasks = ::tasks::all().into_iter().take(TASKS);
        let tasks: Arc<[_]> = tasks.map(|task| Prepared::new(task, Seed(1))).collect();
        let [oracle, _] = controls(&tasks);
        let Source::Text(oracle_source) = &oracle.source else { unreachable!("controls are text") };
        let agent = |number| {
            let source = format!("{oracle_source}# {number}\n");
            let sha256 = Sha256::of(source.as_bytes());
            (Agent { sha256, source: Source::Text(source.clone()), ..oracle.clone() }, source)
        };
        Self { agents: (0..agents).map(agent).collect(), sandbox, tasks, jobs }
    }

    /// The round as the harness runs it, with judging, and without any result looked up.
    async fn ours(&self, isolation: Isolation) -> Result<f64, Failure> {
        let plan = Plan {
            agents: self.agents.iter().map(|(agent, _)| agent.clone()).collect(),
            tasks: Arc::clone(&self.tasks),
            results: None,
            jobs: self.jobs,
            isolation,
            partition: None,
            shrinking: Duration::ZERO,
        };
        let started = Instant::now();
        let outcome = round::run(&self.sandbox, plan, Arc::new(|_| ())).await?;
        self.sandbox.cleanup().await?;
        let took = started.elapsed();
        let accepted = outcome.results.iter().filter(|(_, result)| result.passed == result.total);
        let (accepted, trials) = (accepted.count(), self.agents.len() * self.tasks.len());
        if accepted == trials {
            return Ok(took.as_secs_f64());
        }
        Err(Failure::Input(format!(
            "{accepted} of {trials} trials were accepted; a figure would lie"
        )))
    }

    /// The same trials with one `docker run --rm` each. Nothing is judged, which is in its favour.
    async fn docker_run(self: &Arc<Self>) -> Result<f64, Failure> {
        let started = Instant::now();
        let places = Arc::new(Semaphore::new(self.jobs));
        let mut trials = JoinSet::new();
        for agent in 0..self.agents.len() {
            for task in 0..self.tasks.len() {
                let (this, places) = (Arc::clone(self), Arc::clone(&places));
                trials.spawn(async move {
                    let _place = places.acquire().await.expect("nobody closes it");
                    this.docker_run_one(agent, task).await
                });
            }
        }
        while let Some(trial) = trials.join_next().await {
            trial.expect("a trial does not panic").map_err(|cause| Fault::File {
                action: "run a container with",
                path: "docker".into(),
                cause,
            })?;
        }
        Ok(Duration::as_secs_f64(&started.elapsed()))
    }

    async fn docker_run_one(&self, agent: usize, task: usize) -> std::io::Result<()> {
        let limits = self.tasks[task].task.limits;
        let mut run = Command::new("docker")
            .args(["run", "--rm", "--interactive", "--network=none", "--read-only", "--ipc=none"])
            .args(["--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=70000:70000"])
            .args(["--cgroupns=private", "--log-driver=none", "--workdir=/work", "--cpus=1"])
            .arg(format!("--memory={0}", limits.memory_bytes))
            .arg(format!("--memory-swap={0}", limits.memory_bytes))
            .arg(format!("--pids-limit={}", limits.pids))
            .arg(format!("--tmpfs=/work:rw,nosuid,nodev,size={},uid=70000", limits.work_bytes))
            .arg(&self.sandbox.image().id)
            .args(["timeout", "10", "python", "-P", "-s", "-X", "utf8", "-", "--task"])
            .arg(&self.tasks[task].prompt)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = run.stdin.take().expect("stdin is piped");
        stdin.write_all(self.agents[agent].1.as_bytes()).await?;
        drop(stdin);
        let output = run.wait_with_output().await?;
        if output.status.success() && !output.stdout.is_empty() {
            return Ok(());
        }
        Err(std::io::Error::other(format!("'docker run' ended with {}", output.status)))
    }
}
