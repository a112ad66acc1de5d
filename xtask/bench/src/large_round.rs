//! A large round, most of which is known already; and whether memory grows with the number of agents.

use std::process::Command;

use tasks::Task;

use crate::agents::{SEED, agent, tasks};
use crate::platform::server::MeasuredServer;
use crate::program;
use crate::program::MeasuredProgram;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget, number};
use crate::setup::BenchSetup;

/// Agents of the small round whose memory the large one is compared with.
const FEW_AGENTS: u32 = 20;

/// Measures a round of many agents, and then rounds in which one of them changed.
pub fn measure(setup: &BenchSetup, agents: u32, report: &mut BenchReport) -> anyhow::Result<()> {
    let (few, _) = LargeRound::prepare(setup, FEW_AGENTS)?;
    let (many, token) = LargeRound::prepare(setup, agents)?;
    let tasks = many.tasks.len();
    progress(&format!("{FEW_AGENTS} agents x {tasks} tasks, for their memory"));
    let small = few.evaluate()?;
    progress(&format!("{agents} agents x {tasks} tasks, in full"));
    let full = many.evaluate()?;
    let mut seconds = Vec::new();
    for run in 1..=setup.runs {
        progress(&format!("{agents} agents of which one changed: run {run} of {}", setup.runs));
        many.change(agents - 1, &token, run)?;
        seconds.push(many.evaluate()?.seconds);
    }
    let what = format!("a round of {agents} agents x {tasks} tasks of which one agent changed");
    let subject =
        RowSubject { what: what.clone(), against: "the full round, once".into(), unit: "s" };
    let figures = RowFigures { ours: seconds.clone(), theirs: vec![full.seconds] };
    report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(0.01)))?;
    report.add(BenchRow::alone(what, "s", seconds, RowTarget::at_most(2.0)))?;
    let memory_mib = |measured: &MeasuredProgram| vec![number(measured.peak_bytes >> 10) / 1024.0];
    let what = format!("memory of a round of {agents} agents");
    let against = format!("of {FEW_AGENTS} agents");
    let subject = RowSubject { what: what.clone(), against, unit: "MiB" };
    let figures = RowFigures { ours: memory_mib(&full), theirs: memory_mib(&small) };
    report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(1.25)))?;
    report.add(BenchRow::alone(what, "MiB", memory_mib(&full), RowTarget::at_most(150.0)))
}

struct LargeRound<'a> {
    setup: &'a BenchSetup,
    store: tempfile::TempDir,
    tasks: Vec<Task>,
}

impl<'a> LargeRound<'a> {
    /// A store with agents that print the right answers, and the token of the last one.
    fn prepare(setup: &'a BenchSetup, agents: u32) -> anyhow::Result<(Self, String)> {
        let store = tempfile::tempdir_in(&setup.dir)?;
        let round = Self { setup, store, tasks: tasks() };
        let server = MeasuredServer::arena(&setup.arena, round.store.path(), None)?;
        let mut token = String::new();
        for id in 0..agents {
            let source = agent(&round.tasks, &format!("{id} first"));
            token = server.upload(&format!("agent-{id}"), &source, None)?;
        }
        Ok((round, token))
    }

    /// Uploads another version of an agent.
    fn change(&self, id: u32, token: &str, version: u32) -> anyhow::Result<()> {
        let source = agent(&self.tasks, &format!("{id} {version}"));
        let server = MeasuredServer::arena(&self.setup.arena, self.store.path(), None)?;
        server.upload(&format!("agent-{id}"), &source, Some(token))?;
        Ok(())
    }

    fn evaluate(&self) -> anyhow::Result<MeasuredProgram> {
        let mut command = Command::new(&self.setup.arena);
        // What is published is part of a round.
        command.args(["evaluate", "--disclose", "none", "--publish-partial"]);
        command.args(["--seed", &SEED.0.to_string()]);
        command.args(["--jobs", &self.setup.jobs.to_string()]);
        command.arg("--store").arg(self.store.path());
        for task in &self.tasks {
            command.args(["--task", task.id.as_str()]);
        }
        program::run(&mut command, "arena evaluate")
    }
}
