//! Rows of pages and lists: every body in every form, against ready-made bodies in `FastAPI`.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::context::PlatformBench;
use super::server::{MeasuredServer, ONE_CORE, ReadyMadeBody};
use super::wrk::{WrkLoad, background, wrk};
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget};

/// Agents of the ranking.
const AGENTS: u32 = 500;
/// Tasks of the ranking.
const TASKS: usize = 60;
/// Stored agents, of which a list shows a hundred.
const STORED: u32 = 1_000;
/// How long each load lasts: there are many.
const LOAD: Duration = Duration::from_secs(3);
/// Clients that read compressed rankings while `/tasks` is measured.
const READERS: u32 = 8;

const PATHS: [&str; 4] = ["/tasks", "/rankings", "/", "/agents?limit=100"];

/// How a body is asked for.
#[derive(Clone, Copy)]
enum ServedForm {
    Plain,
    Gzip,
    Unchanged,
}

impl ServedForm {
    const ALL: [Self; 3] = [Self::Plain, Self::Gzip, Self::Unchanged];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Unchanged => "304",
        }
    }

    fn headers(self, tag: &str) -> Vec<String> {
        match self {
            Self::Plain => Vec::new(),
            Self::Gzip => vec!["Accept-Encoding: gzip".to_owned()],
            Self::Unchanged => vec![format!("If-None-Match: {tag}")],
        }
    }
}

/// Measures every body in every form, and what compressed reading costs other clients.
pub fn measure(bench: &PlatformBench<'_>, report: &mut BenchReport) -> anyhow::Result<()> {
    let dir = bench.store()?;
    let store = dir.path().join("ours");
    let server = MeasuredServer::arena(&bench.setup.arena, &store, None)?;
    progress(&format!("uploading {STORED} agents"));
    server.upload_agents(STORED)?;
    let tasks: Value = serde_json::from_slice(&server.get("/tasks")?)?;
    drop(server);
    put_ranking(&store, &tasks)?;
    let ours = MeasuredServer::arena(&bench.setup.arena, &store, ONE_CORE)?;
    let bodies = PATHS.map(|path| ours.get(path).map(|body| ReadyMadeBody { path, body }));
    let bodies = bodies.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let theirs =
        MeasuredServer::ready_made(&bench.python, &dir.path().join("theirs"), ONE_CORE, &bodies)?;
    for path in PATHS {
        for form in ServedForm::ALL {
            let (mut own, mut peer) = (vec![], vec![]);
            for run in 1..=bench.setup.runs {
                progress(&format!(
                    "GET {path}, {}: run {run} of {}",
                    form.name(),
                    bench.setup.runs
                ));
                for (server, figures) in [(&ours, &mut own), (&theirs, &mut peer)] {
                    let headers = form.headers(&server.tag(path)?);
                    let load = WrkLoad {
                        url: &format!("{}{path}", server.url),
                        headers: &headers,
                        time: LOAD,
                    };
                    figures.push(wrk(&load)?.requests_per_s);
                }
            }
            let subject = RowSubject {
                what: format!("GET {path} on one core, {}", form.name()),
                against: "FastAPI with ready-made bodies".into(),
                unit: "requests/s",
            };
            let figures = RowFigures { ours: own, theirs: peer };
            report.add(BenchRow::ratio(subject, figures, RowTarget::at_least(3.0)))?;
        }
    }
    next_to_readers(bench, &ours, report)
}

/// The 99th percentile of `/tasks` while other clients read compressed rankings.
fn next_to_readers(
    bench: &PlatformBench<'_>,
    server: &MeasuredServer,
    report: &mut BenchReport,
) -> anyhow::Result<()> {
    let tasks = format!("{}/tasks", server.url);
    let rankings = format!("{}/rankings", server.url);
    let (mut quiet, mut busy) = (vec![], vec![]);
    for run in 1..=bench.setup.runs {
        progress(&format!("readers of compressed rankings: run {run} of {}", bench.setup.runs));
        quiet.push(wrk(&WrkLoad::plain(&tasks, LOAD))?.p99_ms);
        let headers = ServedForm::Gzip.headers("");
        let load = WrkLoad { url: &rankings, headers: &headers, time: LOAD * 3 };
        let readers = KilledOnDrop(background(&load, READERS)?);
        busy.push(wrk(&WrkLoad::plain(&tasks, LOAD))?.p99_ms);
        drop(readers);
    }
    let subject = RowSubject {
        what: format!("99th percentile of GET /tasks next to {READERS} readers of gzip rankings"),
        against: "without them".into(),
        unit: "ms",
    };
    let figures = RowFigures { ours: busy, theirs: quiet };
    report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(2.0)))
}

struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Puts a ranking of [`AGENTS`] agents on [`TASKS`] tasks into a store, as the files that a round leaves there.
fn put_ranking(store_dir: &Path, tasks: &Value) -> anyhow::Result<()> {
    let tasks = tasks.as_array().context("the tasks are a list")?;
    let ids: Vec<_> = tasks.iter().filter_map(|task| task["id"].as_str()).take(TASKS).collect();
    let rankings: Vec<_> = (0..AGENTS)
        .map(|place| {
            let by_task: serde_json::Map<_, _> = (0_u32..)
                .zip(&ids)
                .map(|(column, task)| {
                    // Spread as if at random, and the same each time.
                    let chance = (place * 7_919 + column * 104_729) % 997;
                    let accepted = chance * AGENTS >= place * 997;
                    let (verdict, passed) = if accepted { ("AC", 20) } else { ("WA", chance % 20) };
                    let score = f64::from(passed) * 5.0;
                    ((*task).to_owned(), json!({"verdict": verdict, "score": score, "passed": passed, "total": 20}))
                })
                .collect();
            let score = 100.0 - f64::from(place) / 5.0;
            json!({
                "rank": place + 1, "group": "a", "interval": {"low": score - 4.0, "high": score},
                "miner_id": format!("miner{place}"), "agent_sha256": format!("{place:064x}"), "score": score,
                "reward_tao": "0.2", "reward_rao": 200_000_000, "tasks": by_task, "families": {"strings": score},
                "uploaded_at": "2026-01-01T00:00:00Z", "first_submitted_at": "2026-01-01T00:00:00Z",
                "copy_of": null,
            })
        })
        .collect();
    let id = "20260101T000000Z-00000001";
    let document = json!({
        "round": {
            "id": id, "status": "open", "commitment": "0".repeat(64),
            "opened_at": "2026-01-01T00:00:00Z", "listed_at": "2026-01-01T00:00:30Z",
            "finished_at": "2026-01-01T00:01:00Z", "tasks": ids, "image": "python@sha256:0", "isolation": "agent",
            "pool_tao": "100", "payout": "proportional", "alpha": 0.05, "trials": 30_000, "faults": [],
        },
        "rankings": rankings,
    });
    let bytes = serde_json::to_vec(&document)?;
    fs::write(store_dir.join("rounds").join(format!("{id}.json")), &bytes)?;
    fs::write(store_dir.join("rankings.json"), &bytes)?;
    Ok(())
}
