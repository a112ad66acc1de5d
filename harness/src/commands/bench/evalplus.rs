//! HumanEval+ beside `evalplus.evaluate`, which has no container, and beside the bare calls, which are the
//! floor. The peer is installed from the package registry into a private environment under `target/`.

mod compare;

use std::path::{Path, PathBuf};

use ::tasks::benchmark::BenchmarkProblem;
use harness::benchmark::{Benchmark, SuiteFile};
use serde_json::json;
use tokio::process::Command;

use super::whole::{self, Took};
use super::{Better, Report, Row, myself, number, peer, scratch};
use crate::commands::{Failure, read_benchmark};

/// The release that is measured against.
const EVALPLUS: &str = "evalplus==0.3.1";
/// Runs the calls and nothing else.
const BARE: &str = include_str!("bare.py");
/// Samples of each problem in the row of samples per second.
const SAMPLES: usize = 10;
/// How many times as many jobs as processors a crowded machine has.
const CROWD: usize = 8;

/// Measures every row of HumanEval+.
pub async fn rows(
    suite: &SuiteFile,
    peers: &Path,
    jobs: usize,
    runs: u32,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let bench = Bench::prepare(suite, peers, jobs, report).await?;
    let count = bench.benchmark.entries.len();

    let (mut ours, mut evalplus, mut bare, mut accepted) = (vec![], vec![], vec![], vec![]);
    // Expected values are warm on both sides.
    bench.ours("canonical", jobs, &[]).await?;
    bench.evalplus("canonical", &[]).await?;
    for run in 1..=runs {
        report.say(&format!("canonical solutions: run {run} of {runs}"));
        evalplus.push(bench.evalplus("canonical", &[]).await?.seconds);
        let took = bench.ours("canonical", jobs, &["--json"]).await?;
        ours.push(took.seconds);
        report.say(&format!("where the time went: {}", profile(&took.stdout)));
        accepted.push(bench.accepted("canonical")?);
        bare.push(bench.bare().await?.seconds);
    }
    let what = format!("{count} canonical solutions, {jobs} jobs");
    report.add(Row::new(
        what.clone(),
        format!("{EVALPLUS}, {jobs} processes, no container"),
        "s",
        (ours.clone(), evalplus),
        (Better::Lower, "0.6 or less", 0.6),
    ))?;
    report.add(Row::new(
        what.clone(),
        format!("the bare calls in {jobs} Python processes, nothing judged"),
        "s",
        (ours, bare),
        (Better::Lower, "1.3 or less", 1.3),
    ))?;
    let all = number(count);
    report.add(Row::whole(format!("accepted: {what}"), accepted, all))?;
    let mut crowded = Vec::new();
    for run in 1..=runs {
        report
            .say(&format!("canonical solutions, {CROWD} times as many jobs: run {run} of {runs}"));
        bench.ours("canonical", jobs * CROWD, &[]).await?;
        crowded.push(bench.accepted("canonical")?);
    }
    let what = format!("accepted: {count} canonical solutions, {} jobs", jobs * CROWD);
    report.add(Row::whole(what, crowded, all))?;
    let row = bench.samples_per_second(jobs, runs, report).await?;
    report.add(row)?;
    let row = bench.crowd(jobs, report).await?;
    report.add(row)?;
    let row = bench.agreement(jobs, report).await?;
    report.add(row)
}

struct Bench {
    folder: PathBuf,
    python: PathBuf,
    suite: SuiteFile,
    benchmark: Benchmark,
    /// The benchmark as plain JSONL, which the peers read
    plain: PathBuf,
    jobs: usize,
}

impl Bench {
    async fn prepare(
        suite: &SuiteFile,
        peers: &Path,
        jobs: usize,
        report: &Report<'_>,
    ) -> Result<Self, Failure> {
        let benchmark = read_benchmark(suite)?;
        let folder = scratch(peers, "evalplus")?;
        let plain = folder.join("data.jsonl");
        write(&plain, &benchmark.lines().collect::<Vec<_>>().join("\n"))?;
        write(&folder.join("bare.py"), BARE)?;
        for (name, lines) in [
            ("canonical", samples(&benchmark, |problem| vec![problem.canonical()])),
            (
                "varied",
                samples(&benchmark, |problem| (0..SAMPLES).map(|n| varied(problem, n)).collect()),
            ),
            ("mutated", samples(&benchmark, |problem| vec![mutated(problem)])),
        ] {
            write(&folder.join(format!("{name}.jsonl")), &lines)?;
        }
        let python = python().await?;
        let bench = Self { folder, python, suite: suite.clone(), benchmark, plain, jobs };
        if !bench.environment("evalplus.evaluate").exists() {
            report.say(&format!("installing {EVALPLUS} under {}", peers.display()));
            let mut make = Command::new(&bench.python);
            make.args(["-m", "venv"]).arg(bench.folder.join("venv"));
            whole::run(make, "evalplus (python3-venv)").await?;
            let mut install = Command::new(bench.environment("python"));
            install.args(["-m", "pip", "install", "--quiet", EVALPLUS]);
            whole::run(install, EVALPLUS).await?;
        }
        Ok(bench)
    }

    fn environment(&self, program: &str) -> PathBuf {
        self.folder.join("venv/bin").join(program)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The harness as a whole program, with everything that it does from start to end.
    async fn ours(&self, name: &str, jobs: usize, more: &[&str]) -> Result<Took, Failure> {
        let mut command = Command::new(myself()?);
        command.args(["samples", "--suite"]).arg(format!("evalplus:{}", self.suite.path.display()));
        command.arg("--samples").arg(self.file(&format!("{name}.jsonl")));
        command.arg("--output").arg(self.file(&format!("{name}.ours.jsonl")));
        command
            .arg("--store")
            .arg(self.file("store"))
            .args(["--jobs", &jobs.to_string()])
            .args(more);
        whole::run(command, "harness samples").await
    }

    async fn evalplus(&self, name: &str, more: &[&str]) -> Result<Took, Failure> {
        // It would print what it found last time instead of running anything.
        let _ = std::fs::remove_file(self.file(&format!("{name}_eval_results.json")));
        let mut command = Command::new(self.environment("evalplus.evaluate"));
        command
            .args(["--dataset", "humaneval", "--samples"])
            .arg(self.file(&format!("{name}.jsonl")));
        command.args(["--parallel", &self.jobs.to_string()]).args(more);
        command.env("HUMANEVAL_OVERRIDE_PATH", &self.plain);
        command.env("XDG_CACHE_HOME", self.file("cache"));
        whole::run(command, EVALPLUS).await
    }

    async fn bare(&self) -> Result<Took, Failure> {
        let mut command = Command::new(&self.python);
        command.arg(self.file("bare.py")).arg(&self.plain).arg(self.jobs.to_string());
        whole::run(command, "bare Python").await
    }

    fn accepted(&self, name: &str) -> Result<f64, Failure> {
        let verdicts = compare::ours(&self.file(&format!("{name}.ours.jsonl")))?;
        Ok(number(verdicts.values().filter(|(_, plus)| *plus).count()))
    }

    async fn samples_per_second(
        &self,
        jobs: usize,
        runs: u32,
        report: &Report<'_>,
    ) -> Result<Row, Failure> {
        let count = self.benchmark.entries.len() * SAMPLES;
        let (mut ours, mut theirs) = (vec![], vec![]);
        for run in 1..=runs {
            report.say(&format!("{count} samples, base cases: run {run} of {runs}"));
            let took = self.evalplus("varied", &["--base-only"]).await?;
            theirs.push(number(count) / took.seconds);
            let took = self.ours("varied", jobs, &["--base-only", "--first-failure"]).await?;
            ours.push(number(count) / took.seconds);
        }
        Ok(Row::new(
            format!("{count} samples, right and wrong, base cases, up to the first failure"),
            format!("{EVALPLUS} --base-only, which stops there too"),
            "/s",
            (ours, theirs),
            (Better::Higher, "5 or more", 5.0),
        ))
    }

    /// Whether a machine with far too much to do says the same as one that has not.
    async fn crowd(&self, jobs: usize, report: &Report<'_>) -> Result<Row, Failure> {
        report.say("verdicts on a crowded machine");
        self.ours("varied", jobs, &["--base-only"]).await?;
        let quiet = compare::ours(&self.file("varied.ours.jsonl"))?;
        self.ours("varied", jobs * CROWD, &["--base-only"]).await?;
        let crowded = compare::ours(&self.file("varied.ours.jsonl"))?;
        let same = quiet.iter().filter(|(sample, verdict)| crowded.get(*sample) == Some(verdict));
        let (same, all) = (same.count(), quiet.len());
        let crowd = jobs * CROWD;
        Ok(Row::whole(
            format!("verdicts on {all} samples that are the same with {crowd} jobs as with {jobs}"),
            vec![number(same)],
            number(all),
        ))
    }

    /// How many one-character mutations of the canonical solutions both judge alike; the others are named.
    async fn agreement(&self, jobs: usize, report: &Report<'_>) -> Result<Row, Failure> {
        report.say("one-character mutations of the canonical solutions");
        // Some of them never end, in none of their calls.
        self.ours("mutated", jobs, &["--first-failure"]).await?;
        self.evalplus("mutated", &[]).await?;
        let ours = compare::ours(&self.file("mutated.ours.jsonl"))?;
        let theirs = compare::theirs(&self.file("mutated_eval_results.json"))?;
        let mut same = 0;
        for (sample, verdict) in &ours {
            match theirs.get(sample) {
                Some(other) if other == verdict => same += 1,
                other => report
                    .say(&format!("{sample:?}: here {verdict:?}, there {other:?} (base, plus)")),
            }
        }
        Ok(Row::alone(
            format!(
                "mutations of {} canonical solutions judged as {EVALPLUS} judges them",
                ours.len()
            ),
            "",
            vec![f64::from(same)],
            (Better::Higher, "all, or explained", number(ours.len())),
        ))
    }
}

/// The profile of a run, in one line.
fn profile(report: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(report).unwrap_or_default();
    format!("reading {} ms, {}", report["read_ms"], report["profile"])
}

/// A Python 3.11 of the host, the distribution's first: that is the one which runs in an image that was built
/// here, and another build may be half as fast.
async fn python() -> Result<PathBuf, Failure> {
    for path in ["/usr/bin/python3", "python3"] {
        let version = Command::new(path).arg("--version").output().await;
        if version.is_ok_and(|output| output.stdout.starts_with(b"Python 3.11.")) {
            return Ok(path.into());
        }
    }
    Err(peer("evalplus", "no Python 3.11 is on this machine; install python3 and python3-venv"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|cause| Failure::Input(format!("cannot write {}: {cause}", path.display())))
}

fn samples(benchmark: &Benchmark, answers: impl Fn(&BenchmarkProblem) -> Vec<String>) -> String {
    let mut lines = String::new();
    for place in 0..benchmark.entries.len() {
        let problem = benchmark.problem(place);
        for solution in answers(&problem) {
            let line = json!({ "task_id": problem.name, "solution": solution });
            lines.push_str(&format!("{line}\n"));
        }
    }
    lines
}

/// What a model might write: four of ten are right, the others wrong in one way each.
fn varied(problem: &BenchmarkProblem, number: usize) -> String {
    let canonical = problem.canonical();
    let (head, name) = (&problem.prompt, &problem.entry_point);
    match number {
        0..4 => format!("{canonical}\n# {number}\n"),
        4 => format!("{head}    return None\n"),
        5 => format!("{head}    return undefined_name\n"),
        6 => mutated(problem),
        7 => format!("{head}    return {name}(\n"),
        8 => format!(
            "{canonical}\n\n_right = {name}\n\ndef {name}(*args):\n    return [_right(*args)]\n"
        ),
        _ => format!("{head}    raise ValueError('no')\n"),
    }
}

/// The canonical solution with one character changed: the middle one of those that mean most.
fn mutated(problem: &BenchmarkProblem) -> String {
    let body = &problem.canonical_solution;
    let swaps = |c: char| {
        Some(match c {
            '0' => '1',
            '1' => '2',
            '2' => '3',
            '3'..='8' => '9',
            '<' => '>',
            '>' => '<',
            '+' => '-',
            '-' => '+',
            _ => return None,
        })
    };
    let places: Vec<_> = body.char_indices().filter_map(|(at, c)| Some((at, swaps(c)?))).collect();
    let letters =
        || body.char_indices().filter(|(_, c)| c.is_ascii_lowercase()).map(|(at, _)| (at, 'q'));
    let place = places.get(places.len() / 2).copied().or_else(|| letters().next_back());
    let mut mutated = body.clone();
    if let Some((at, c)) = place {
        mutated.replace_range(at..=at, c.encode_utf8(&mut [0; 4]));
    }
    problem.completed(&mutated)
}
