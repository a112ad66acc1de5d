//! The problems of HumanEval+ and the samples made of them.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;

/// The part of a problem that samples are made of.
#[derive(Deserialize)]
pub struct ProblemData {
    task_id: String,
    prompt: String,
    entry_point: String,
    canonical_solution: String,
}

/// Reads the data as JSONL, plain or gzip.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut text = String::new();
    let read = if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(&*bytes).read_to_string(&mut text)
    } else {
        (&*bytes).read_to_string(&mut text)
    };
    read.with_context(|| format!("{} is not JSONL", path.display()))?;
    Ok(text)
}

/// Parses the problems.
pub fn parse(text: &str) -> anyhow::Result<Vec<ProblemData>> {
    let parse = |line| serde_json::from_str(line).context("not a problem of HumanEval+");
    text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}

/// JSONL of the answers to each problem.
pub fn samples(problems: &[ProblemData], answers: impl Fn(&ProblemData) -> Vec<String>) -> String {
    let mut lines = String::new();
    for problem in problems {
        for solution in answers(problem) {
            let line = json!({ "task_id": problem.task_id, "solution": solution });
            lines.push_str(&format!("{line}\n"));
        }
    }
    lines
}

/// The canonical solution.
pub fn canonical(problem: &ProblemData) -> String {
    format!("{}{}", problem.prompt, problem.canonical_solution)
}

/// A sample such as a model writes: four of ten are right, the others wrong in one way each.
pub fn varied(problem: &ProblemData, index: usize) -> String {
    let (head, name) = (&problem.prompt, &problem.entry_point);
    let canonical = canonical(problem);
    match index {
        0..4 => format!("{canonical}\n# {index}\n"),
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

/// The canonical solution with one character changed: the middle one of the digits and operators, else the
/// last lower-case letter.
pub fn mutated(problem: &ProblemData) -> String {
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
    format!("{}{mutated}", problem.prompt)
}
