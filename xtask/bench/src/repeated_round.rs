//! A round that is judged again and again: its trial records are removed in between, those of the controls stay.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tasks::Task;

use crate::agents::{SEED, agent, tasks};
use crate::platform::server::MeasuredServer;
use crate::program;
use crate::setup::BenchSetup;

/// A store of agents that print the right answers.
pub struct RepeatedRound<'a> {
    setup: &'a BenchSetup,
    store: tempfile::TempDir,
    /// Its tasks
    pub tasks: Vec<Task>,
    /// The sources of its agents
    pub sources: Vec<String>,
    /// Files of the results that stay between runs: those of the arena's own controls
    controls: HashSet<OsString>,
}

impl<'a> RepeatedRound<'a> {
    /// A store with so many agents. The controls are done before there are agents.
    pub fn prepare(setup: &'a BenchSetup, agents: u32) -> anyhow::Result<Self> {
        let tasks = tasks();
        let sources = (0..agents).map(|number| agent(&tasks, &number.to_string())).collect();
        let store = tempfile::tempdir_in(&setup.dir)?;
        let mut round = Self { setup, store, tasks, sources, controls: HashSet::new() };
        let server = MeasuredServer::arena(&setup.arena, round.store.path(), None)?;
        program::run(&mut round.command(&[]), "arena evaluate")?;
        round.controls = round.results()?.into_iter().collect();
        for (number, source) in round.sources.iter().enumerate() {
            server.upload(&format!("agent-{number}"), source, None)?;
        }
        Ok(round)
    }

    /// The number of its trials.
    pub fn trials(&self) -> usize {
        self.sources.len() * self.tasks.len()
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(&self.setup.arena);
        command.args(["evaluate", "--json", "--disclose", "none"]);
        command.args(["--seed", &SEED.0.to_string(), "--jobs", &self.setup.jobs.to_string()]);
        command.arg("--store").arg(self.store.path());
        for task in &self.tasks {
            command.args(["--task", task.id.as_str()]);
        }
        command.args(more);
        command
    }

    /// Seconds that `arena evaluate` takes with more options, judging included and without any result looked up.
    pub fn evaluate(&self, more: &[&str]) -> anyhow::Result<f64> {
        for name in self.judged()? {
            fs::remove_file(self.results_dir().join(name))?;
        }
        let measured = program::run(&mut self.command(more), "arena evaluate")?;
        let document: Value = serde_json::from_str(&measured.stdout)?;
        let records = document["trials"].as_array().context("arena evaluate prints trials")?;
        let accepted = records.iter().filter(|record| record["verdict"] == "AC").count();
        let trials = self.trials();
        ensure!(accepted == trials, "{accepted} of {trials} trials were accepted, expected all");
        Ok(measured.seconds)
    }

    /// When the trial records of the last run were written, earliest first.
    pub fn written(&self) -> anyhow::Result<Vec<SystemTime>> {
        let directory = self.results_dir();
        let times = self.judged()?.into_iter().map(|name| {
            let file = fs::metadata(directory.join(name))?;
            Ok(file.modified()?)
        });
        let mut times = times.collect::<anyhow::Result<Vec<_>>>()?;
        times.sort();
        Ok(times)
    }

    fn results_dir(&self) -> PathBuf {
        self.store.path().join("results")
    }

    fn results(&self) -> anyhow::Result<Vec<OsString>> {
        let names = fs::read_dir(self.results_dir())?.map(|entry| Ok(entry?.file_name()));
        names.collect()
    }

    /// The files of the results that are not of controls.
    fn judged(&self) -> anyhow::Result<Vec<OsString>> {
        let mut names = self.results()?;
        names.retain(|name| !self.controls.contains(name));
        Ok(names)
    }
}
