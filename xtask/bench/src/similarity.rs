//! Near copies among many agents: the time that it takes to read and compare all of them, and whether each is found.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};
use tasks::Sha256;

use crate::program;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowTarget, number};
use crate::setup::BenchSetup;

/// One agent in so many is a near copy of an earlier one.
const COPY_EVERY: u32 = 100;
/// Functions that agents take from each other, as from examples that many of them have read.
const SHARED_FUNCTIONS: u32 = 400;
/// Shared functions of an agent, and its own.
const SHARED: u32 = 6;
const OWN: u32 = 18;

/// Measures `arena show --similar` on a store of agents.
pub fn measure(setup: &BenchSetup, agents: u32, report: &mut BenchReport) -> anyhow::Result<()> {
    let store = tempfile::tempdir_in(&setup.dir)?;
    progress(&format!("{agents} agents, of which one in {COPY_EVERY} is a near copy"));
    let (copies, bytes) = write_store(store.path(), agents)?;
    let (mut seconds, mut found, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=setup.runs {
        progress(&format!("{} KiB of agents compared: run {run} of {}", bytes >> 10, setup.runs));
        let mut command = Command::new(&setup.arena);
        command.args(["show", "--similar", "--json", "--store"]).arg(store.path());
        let measured = program::run(&mut command, "arena show --similar")?;
        seconds.push(measured.seconds);
        peaks.push(number(measured.peak_bytes >> 20));
        found.push(number(
            listed(&measured.stdout)?.iter().filter(|pair| copies.contains(pair)).count(),
        ));
        // Every pair that is listed must be one.
        anyhow::ensure!(
            listed(&measured.stdout)?.len() == copies.len(),
            "{} pairs are listed, but there are {} near copies",
            listed(&measured.stdout)?.len(),
            copies.len()
        );
    }
    let what = format!("near copies among {agents} agents");
    report.add(BenchRow::alone(what.clone(), "s", seconds, RowTarget::at_most(60.0)))?;
    report.add(BenchRow::alone(
        format!("{what}, memory"),
        "MiB",
        peaks,
        RowTarget::at_most(1_024.0),
    ))?;
    report.add(BenchRow::complete(format!("{what}, found"), found, number(copies.len())))
}

/// The pairs in the document of `arena show --similar --json`, the earlier agent first.
fn listed(document: &str) -> anyhow::Result<Vec<(String, String)>> {
    let document: Value = serde_json::from_str(document)?;
    let pairs = document["similar"].as_array().context("there is no list of similar agents")?;
    let name = |agent: &Value| agent["miner_id"].as_str().unwrap_or_default().to_owned();
    Ok(pairs.iter().map(|pair| (name(&pair["earlier"]), name(&pair["later"]))).collect())
}

/// Writes the agents as a store does, and returns the pairs of near copies and the size of all agents. Uploading ten
/// thousand would take longer than what is measured.
fn write_store(root: &Path, agents: u32) -> anyhow::Result<(Vec<(String, String)>, usize)> {
    fs::create_dir(root.join("agents"))?;
    fs::create_dir(root.join("versions"))?;
    let (mut copies, mut bytes) = (Vec::new(), 0);
    for id in 0..agents {
        let original = id.checked_sub(COPY_EVERY / 2).filter(|_| id % COPY_EVERY == COPY_EVERY - 1);
        let source = match original {
            Some(original) => near_copy(original),
            None => agent(id),
        };
        let name = |id: u32| format!("agent-{id:05}");
        if let Some(original) = original {
            copies.push((name(original), name(id)));
        }
        bytes += source.len();
        let sha256 = Sha256::of(source.as_bytes());
        let (hours, rest) = (id / 3_600, id % 3_600);
        let meta = json!({
            "miner_id": name(id), "version": 1, "sha256": sha256, "size": source.len(), "history": [],
            "uploaded_at": format!("2026-01-01T{hours:02}:{:02}:{:02}Z", rest / 60, rest % 60),
            "token_sha256": Sha256::of(b""),
        });
        fs::write(root.join(format!("agents/{}.json", name(id))), meta.to_string())?;
        fs::write(root.join(format!("agents/{}.py", name(id))), &source)?;
        fs::write(root.join(format!("versions/{sha256}.py")), &source)?;
    }
    Ok((copies, bytes))
}

/// An agent with functions of its own and some that others have as well.
fn agent(id: u32) -> String {
    let mut draw = Draw(u64::from(id) + 1);
    let shared: Vec<_> = (0..SHARED).map(|_| 1_000_000 + draw.below(SHARED_FUNCTIONS)).collect();
    let own = (0..OWN).map(|index| id * OWN + index);
    let functions: String = own.chain(shared).map(function).collect();
    format!("import re\nimport sys\n\n\n{functions}print(f{}(sys.argv[-1]))\n", id * OWN)
}

/// An agent with other names, other numbers and code in front.
fn near_copy(id: u32) -> String {
    let names = [("value", "item"), ("other", "extra"), ("total", "result"), (" 1", " 11")];
    let renamed = names.iter().fold(agent(id), |text, (from, to)| text.replace(from, to));
    format!("{}{renamed}", function(2_000_000 + id))
}

/// A function of some lines. Functions of other numbers have other lines.
fn function(number: u32) -> String {
    let mut draw = Draw((u64::from(number) + 1) << 20);
    let mut text =
        format!("def f{number}(value, other=None):\n    total = {}\n", draw.expression(2));
    for _ in 0..4 + draw.below(4) {
        let (a, b) = (draw.expression(2), draw.expression(1));
        let line = match draw.below(8) {
            0 => format!("    if {a} > {b}:\n        total = {}\n", draw.expression(2)),
            1 => format!("    for other in range({b}):\n        total += {a}\n"),
            2 => format!("    total = [{a} for value in {b} if value]\n"),
            3 => format!("    while {a}:\n        total -= {b}\n        break\n"),
            4 => format!(
                "    try:\n        value = {a}\n    except ValueError:\n        return {b}\n"
            ),
            5 => format!("    other, value = {a}, {b}\n"),
            6 => format!("    total.append(({a}, {b}))\n"),
            _ => format!("    value = {{{b}: {a}}}\n"),
        };
        text.push_str(&line);
    }
    text + "    return total\n\n\n"
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed >> 33) % u64::from(limit)).unwrap_or_default()
    }

    fn expression(&mut self, depth: u32) -> String {
        let name = ["value", "other", "total", "1", "''", "len(value)"][self.below(6) as usize];
        if depth == 0 {
            return name.to_owned();
        }
        let (a, b) = (self.expression(depth - 1), self.expression(depth - 1));
        match self.below(9) {
            0 => format!("{a} + {b}"),
            1 => format!("({a} - {b})"),
            2 => format!("{a} * {b} % {name}"),
            3 => format!("f({a}, {b})"),
            4 => format!("{a}[{b}]"),
            5 => format!("({a} if {b} else {name})"),
            6 => format!("(not ({a} and {b}))"),
            7 => format!("[{a}, {b}]"),
            _ => format!("({a}).get({b})"),
        }
    }
}
