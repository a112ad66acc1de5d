//! HumanEval+ against `evalplus.evaluate`, which has no container, and against the bare calls, which are the
//! floor.

mod data;
mod verdicts;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::program::MeasuredProgram;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget, number};
use crate::setup::BenchSetup;
use crate::{program, tools};
use data::{ProblemData, canonical, mutated, samples, varied};

/// The peer's release.
const EVALPLUS: &str = "evalplus==0.3.1";
/// Runs the calls and nothing else.
const BARE: &str = include_str!("evalplus/bare.py");
/// Samples of each problem in the row of samples per second.
const SAMPLES: usize = 10;
/// Jobs of a crowded machine, as a multiple of the usual.
const CROWD: usize = 8;

/// Measures every row of HumanEval+.
pub fn measure(setup: &BenchSetup, data: &Path, report: &mut BenchReport) -> anyhow::Result<()> {
    let bench = EvalPlusBench::prepare(setup, data)?;
    bench.canonical(report)?;
    bench.accepted_in_a_crowd(report)?;
    bench.samples_per_second(report)?;
    bench.verdicts_in_a_crowd(report)?;
    bench.agreement(report)
}

struct EvalPlusBench<'a> {
    setup: &'a BenchSetup,
    dir: PathBuf,
    /// Programs of the peer's Python environment
    bin: PathBuf,
    data: PathBuf,
    /// The same as plain JSONL, which the peers read
    plain: PathBuf,
    problems: usize,
}

impl<'a> EvalPlusBench<'a> {
    fn prepare(setup: &'a BenchSetup, data: &Path) -> anyhow::Result<Self> {
        let text = data::read(data)?;
        let problems = data::parse(&text)?;
        let dir = setup.dir.join("evalplus");
        std::fs::create_dir_all(&dir)?;
        let variants = |problem: &ProblemData| (0..SAMPLES).map(|n| varied(problem, n)).collect();
        for (name, text) in [
            ("data.jsonl", text.as_str()),
            ("bare.py", BARE),
            ("canonical.jsonl", &samples(&problems, |problem| vec![canonical(problem)])),
            ("varied.jsonl", &samples(&problems, variants)),
            ("mutated.jsonl", &samples(&problems, |problem| vec![mutated(problem)])),
        ] {
            let path = dir.join(name);
            std::fs::write(&path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let bin = tools::python_environment(&dir.join("venv"), &[EVALPLUS])?;
        let (data, plain) = (data.to_owned(), dir.join("data.jsonl"));
        Ok(Self { setup, dir, bin, data, plain, problems: problems.len() })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Judges a file of samples with `arena samples`, a whole program from start to end.
    fn arena(&self, name: &str, jobs: usize, more: &[&str]) -> anyhow::Result<MeasuredProgram> {
        let mut command = Command::new(&self.setup.arena);
        command.args(["samples", "--benchmark"]).arg(format!("evalplus:{}", self.data.display()));
        command.arg("--samples").arg(self.file(&format!("{name}.jsonl")));
        command.arg("--output").arg(self.file(&format!("{name}.ours.jsonl")));
        command.arg("--store").arg(self.file("store"));
        command.args(["--jobs", &jobs.to_string()]).args(more);
        program::run(&mut command, "arena samples")
    }

    fn evalplus(&self, name: &str, more: &[&str]) -> anyhow::Result<MeasuredProgram> {
        // It would print the results of the last run instead of running anything.
        let _ = std::fs::remove_file(self.file(&format!("{name}_eval_results.json")));
        let mut command = Command::new(self.bin.join("evalplus.evaluate"));
        command.args(["--dataset", "humaneval", "--samples"]);
        command.arg(self.file(&format!("{name}.jsonl")));
        command.args(["--parallel", &self.setup.jobs.to_string()]).args(more);
        command.env("HUMANEVAL_OVERRIDE_PATH", &self.plain);
        command.env("XDG_CACHE_HOME", self.file("cache"));
        program::run(&mut command, EVALPLUS)
    }

    fn bare(&self) -> anyhow::Result<MeasuredProgram> {
        let mut command = Command::new(tools::python()?);
        command.arg(self.file("bare.py")).arg(&self.plain).arg(self.setup.jobs.to_string());
        program::run(&mut command, "bare Python")
    }

    fn accepted(&self) -> anyhow::Result<f64> {
        let verdicts = verdicts::ours(&self.file("canonical.ours.jsonl"))?;
        Ok(number(verdicts.values().filter(|verdict| verdict.all).count()))
    }

    /// Time of the canonical solutions on all sides, and that all are accepted.
    fn canonical(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let (count, jobs, runs) = (self.problems, self.setup.jobs, self.setup.runs);
        // Expected values are warm on both sides.
        self.arena("canonical", jobs, &[])?;
        self.evalplus("canonical", &[])?;
        let (mut ours, mut evalplus, mut bare, mut accepted) = (vec![], vec![], vec![], vec![]);
        for run in 1..=runs {
            progress(&format!("canonical solutions: run {run} of {runs}"));
            evalplus.push(self.evalplus("canonical", &[])?.seconds);
            let measured = self.arena("canonical", jobs, &["--json"])?;
            ours.push(measured.seconds);
            progress(&format!("profile: {}", profile(&measured.stdout)));
            accepted.push(self.accepted()?);
            bare.push(self.bare()?.seconds);
        }
        let what = format!("{count} canonical solutions, {jobs} jobs");
        let against = [
            (format!("{EVALPLUS}, {jobs} processes, no container"), evalplus, 0.45),
            (format!("the bare calls in {jobs} Python processes, nothing judged"), bare, 1.15),
        ];
        for (against, theirs, bound) in against {
            let subject = RowSubject { what: what.clone(), against, unit: "s" };
            let figures = RowFigures { ours: ours.clone(), theirs };
            report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(bound)))?;
        }
        report.add(BenchRow::complete(format!("accepted: {what}"), accepted, number(count)))
    }

    /// That all canonical solutions are accepted with far more jobs than processors.
    fn accepted_in_a_crowd(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let (count, jobs, runs) = (self.problems, self.setup.jobs * CROWD, self.setup.runs);
        let mut accepted = Vec::new();
        for run in 1..=runs {
            progress(&format!("canonical solutions, {jobs} jobs: run {run} of {runs}"));
            self.arena("canonical", jobs, &[])?;
            accepted.push(self.accepted()?);
        }
        let what = format!("accepted: {count} canonical solutions, {jobs} jobs");
        report.add(BenchRow::complete(what, accepted, number(count)))
    }

    fn samples_per_second(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let (count, runs) = (self.problems * SAMPLES, self.setup.runs);
        let (mut ours, mut theirs) = (vec![], vec![]);
        for run in 1..=runs {
            progress(&format!("{count} samples, base cases: run {run} of {runs}"));
            let measured = self.evalplus("varied", &["--base-only"])?;
            theirs.push(number(count) / measured.seconds);
            let arguments = ["--base-only", "--first-failure"];
            let measured = self.arena("varied", self.setup.jobs, &arguments)?;
            ours.push(number(count) / measured.seconds);
        }
        let subject = RowSubject {
            what: format!("{count} samples, right and wrong, base cases, to the first failure"),
            against: format!("{EVALPLUS} --base-only, which stops there too"),
            unit: "/s",
        };
        report.add(BenchRow::ratio(subject, RowFigures { ours, theirs }, RowTarget::at_least(8.0)))
    }

    /// That a crowded machine gives the same verdicts as a quiet one.
    fn verdicts_in_a_crowd(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let (jobs, crowd) = (self.setup.jobs, self.setup.jobs * CROWD);
        progress("verdicts on a crowded machine");
        let verdicts = self.file("varied.ours.jsonl");
        self.arena("varied", jobs, &["--base-only"])?;
        let quiet = verdicts::ours(&verdicts)?;
        self.arena("varied", crowd, &["--base-only"])?;
        let crowded = verdicts::ours(&verdicts)?;
        let same = quiet.iter().filter(|(sample, verdict)| crowded.get(sample) == Some(verdict));
        let (same, all) = (number(same.count()), quiet.len());
        let what =
            format!("verdicts on {all} samples that are the same with {crowd} jobs as with {jobs}");
        report.add(BenchRow::complete(what, vec![same], number(all)))
    }

    /// How many one-character mutations of the canonical solutions both judge alike; the others are listed.
    fn agreement(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        progress("one-character mutations of the canonical solutions");
        // Some of them loop forever in every call.
        self.arena("mutated", self.setup.jobs, &["--first-failure"])?;
        self.evalplus("mutated", &[])?;
        let ours = verdicts::ours(&self.file("mutated.ours.jsonl"))?;
        let theirs = verdicts::theirs(&self.file("mutated_eval_results.json"))?;
        let mut same: u32 = 0;
        for (sample, verdict) in &ours {
            match theirs.get(sample) {
                Some(other) if other == verdict => same += 1,
                other => progress(&format!("{sample:?}: ours {verdict:?}, theirs {other:?}")),
            }
        }
        let what =
            format!("mutations of {} canonical solutions judged as {EVALPLUS} does", ours.len());
        report.add(BenchRow::complete(what, vec![f64::from(same)], number(ours.len())))
    }
}

/// The profile of a run, in one line.
fn profile(document: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
    format!("reading {} ms, {}", document["read_ms"], document["profile"])
}
