//! Rows of the HTTP server, against a twin in `FastAPI`.
//!
//! Where the processor is what counts, the server has the first core and the client the second.

mod context;
mod pages;
pub mod server;
mod slow;
mod wrk;

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget};
use crate::setup::BenchSetup;
use crate::tools;
use context::PlatformBench;
use server::{MeasuredServer, ONE_CORE};
use slow::SlowConnections;
use wrk::{WrkLoad, scripted, wrk};

/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(5);
/// Packages of the twin; `standard` brings the fast event loop and parser.
const TWIN: [&str; 3] =
    ["fastapi==0.165.0", "uvicorn[standard]==0.54.0", "python-multipart==0.0.34"];

/// Measures all rows of the HTTP server.
pub fn measure(setup: &BenchSetup, report: &mut BenchReport) -> anyhow::Result<()> {
    tools::check(&[("wrk", "wrk"), ("python3", "python3"), ("taskset", "util-linux")])?;
    let bench = PlatformBench {
        setup,
        python: tools::python_environment(&setup.dir.join("fastapi"), &TWIN)?.join("python"),
    };
    bench.tasks(report)?;
    pages::measure(&bench, report)?;
    bench.uploads(report)?;
    bench.many_agents(report)?;
    bench.slow_connections(report)
}

impl PlatformBench<'_> {
    fn tasks(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let dir = self.store()?;
        let server = MeasuredServer::arena(&self.setup.arena, &dir.path().join("ours"), ONE_CORE)?;
        let tasks = server.get("/tasks")?;
        let twin =
            MeasuredServer::twin(&self.python, &dir.path().join("theirs"), ONE_CORE, &tasks)?;
        let (mut ours, mut usual, mut ready_made) = (vec![], vec![], vec![]);
        for run in 1..=self.setup.runs {
            progress(&format!("GET /tasks: run {run} of {}", self.setup.runs));
            ours.push(wrk(&WrkLoad::plain(&format!("{}/tasks", server.url), LOAD))?.requests_per_s);
            usual.push(wrk(&WrkLoad::plain(&format!("{}/tasks", twin.url), LOAD))?.requests_per_s);
            ready_made.push(
                wrk(&WrkLoad::plain(&format!("{}/ready-made", twin.url), LOAD))?.requests_per_s,
            );
        }
        let peers = [
            ("the same in FastAPI on uvicorn, one worker", usual, 10.0),
            ("the same in FastAPI with a ready-made body", ready_made, 3.0),
        ];
        for (against, theirs, bound) in peers {
            let subject = RowSubject {
                what: "GET /tasks on one core".into(),
                against: against.into(),
                unit: "requests/s",
            };
            let figures = RowFigures { ours: ours.clone(), theirs };
            report.add(BenchRow::ratio(subject, figures, RowTarget::at_least(bound)))?;
        }
        Ok(())
    }

    fn uploads(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let dir = self.store()?;
        let script = dir.path().join("upload.lua");
        fs::write(&script, include_str!("platform/upload.lua"))?;
        let script = script.to_str().context("the path of the source tree is not UTF-8")?;
        let server = MeasuredServer::arena(&self.setup.arena, &dir.path().join("ours"), None)?;
        let twin = MeasuredServer::twin(&self.python, &dir.path().join("theirs"), None, b"[]")?;
        let load = |server: &MeasuredServer, run| {
            let url = format!("{}/upload/agent", server.url);
            let load = WrkLoad::plain(&url, LOAD);
            anyhow::Ok(scripted(&load, [script, &format!("run{run}")])?.requests_per_s)
        };
        let (mut ours, mut theirs) = (vec![], vec![]);
        for run in 1..=self.setup.runs {
            progress(&format!("uploads: run {run} of {}", self.setup.runs));
            ours.push(load(&server, run)?);
            theirs.push(load(&twin, run)?);
        }
        let subject = RowSubject {
            what: "acknowledged (fsynced) uploads from 16 clients".into(),
            against: "the same in FastAPI on uvicorn, one worker".into(),
            unit: "uploads/s",
        };
        report.add(BenchRow::ratio(subject, RowFigures { ours, theirs }, RowTarget::at_least(1.0)))
    }

    fn many_agents(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        const AGENTS: u32 = 50_000;
        let dir = self.store()?;
        progress(&format!("uploading {AGENTS} agents"));
        let server = MeasuredServer::arena(&self.setup.arena, dir.path(), None)?;
        server.upload_agents(AGENTS)?;
        drop(server);
        let (mut starts, mut first, mut last) = (vec![], vec![], vec![]);
        let mut memory = vec![];
        for run in 1..=self.setup.runs {
            progress(&format!("{AGENTS} agents: run {run} of {}", self.setup.runs));
            let server = MeasuredServer::arena(&self.setup.arena, dir.path(), ONE_CORE)?;
            starts.push(server.started_in.as_secs_f64() * 1000.0);
            first.push(p99_ms(&server, "/agents?limit=100")?);
            last.push(p99_ms(&server, "/agents?limit=100&after=miner49899")?);
            memory.push(server.memory_mib()?);
        }
        for (what, ours, bound_ms) in [
            ("start with 50,000 stored agents", starts, 1000.0),
            ("GET /agents?limit=100 of 50,000, first page, 99th of 100", first, 20.0),
            ("GET /agents?limit=100 of 50,000, last page, 99th of 100", last, 20.0),
        ] {
            report.add(BenchRow::alone(what.into(), "ms", ours, RowTarget::at_most(bound_ms)))?;
        }
        let what = "memory with 50,000 stored agents, after both".to_owned();
        report.add(BenchRow::alone(what, "MiB", memory, RowTarget::at_most(150.0)))
    }

    fn slow_connections(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        const CONNECTIONS: u32 = 1_000;
        let dir = self.store()?;
        let (mut p99, mut p99_alone) = (vec![], vec![]);
        let (mut memory, mut memory_early, mut kib_each) = (vec![], vec![], vec![]);
        for run in 1..=self.setup.runs {
            progress(&format!("slow connections: run {run} of {}", self.setup.runs));
            // A new server each time: one that has served a thousand connections keeps their memory.
            let server = MeasuredServer::arena(&self.setup.arena, dir.path(), ONE_CORE)?;
            let url = format!("{}/tasks", server.url);
            wrk(&WrkLoad::plain(&url, LOAD))?;
            p99_alone.push(wrk(&WrkLoad::plain(&url, LOAD))?.p99_ms);
            let memory_alone = server.memory_mib()?;
            let slow = SlowConnections::open(&server.url, CONNECTIONS)?;
            // After two bytes of each, all of them are established.
            wrk(&WrkLoad::plain(&url, Duration::from_secs(2)))?;
            memory_early.push(server.memory_mib()?);
            p99.push(wrk(&WrkLoad::plain(&url, LOAD))?.p99_ms);
            let memory_late = server.memory_mib()?;
            memory.push(memory_late);
            kib_each.push((memory_late - memory_alone) * 1024.0 / f64::from(CONNECTIONS));
            slow.close()?;
        }
        let subject = |what: &str, against: &str, unit| RowSubject {
            what: what.to_owned(),
            against: against.to_owned(),
            unit,
        };
        report.add(BenchRow::ratio(
            subject(
                "99th percentile of GET /tasks next to 1,000 slow connections",
                "without them",
                "ms",
            ),
            RowFigures { ours: p99, theirs: p99_alone },
            RowTarget::at_most(1.25),
        ))?;
        report.add(BenchRow::ratio(
            subject("memory after 7 s of 1,000 slow connections", "after 2 s", "MiB"),
            RowFigures { ours: memory, theirs: memory_early },
            RowTarget::at_most(1.1),
        ))?;
        let what = "memory of a slow connection".to_owned();
        report.add(BenchRow::alone(what, "KiB", kib_each, RowTarget::at_most(32.0)))
    }
}

/// The time below which 99 of 100 responses came, each on a connection of its own. Work that a server does
/// only once, after its start, is done before.
fn p99_ms(server: &MeasuredServer, path: &str) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = std::time::Instant::now();
        server.get(path)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let mut times = times.split_off(100);
    times.sort_by(f64::total_cmp);
    Ok(times[98])
}
