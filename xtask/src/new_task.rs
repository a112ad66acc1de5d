//! `cargo xtask new-task NAME`: a suite that compiles and passes, to be made into a new task.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use xshell::Shell;

use crate::error::BadInput;

/// Where suites live: a folder and a list for each family.
const SUITES: &str = "tasks/src/suites";
/// What a new suite starts as.
const TEMPLATE: &str = "tasks/template.rs.txt";

/// What the new task is called.
#[derive(clap::Args)]
pub struct Arguments {
    /// The task's id, which is also the name of the function to write: a-z, 0-9 and _
    name: String,
    /// The family that it belongs to
    #[arg(long, default_value = "strings")]
    family: String,
}

/// Writes the suite and adds it to its family's list.
pub fn run(sh: &Shell, args: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { name, family } = args;
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    ensure!(
        starts_well && name.len() <= 64 && name.chars().all(allowed),
        BadInput(format!(
            "'{name}' cannot name a task: up to 64 of a-z, 0-9 and _ are wanted, a letter first"
        ))
    );
    let list = format!("{SUITES}/{family}.rs");
    let families = families(sh)?;
    ensure!(
        families.contains(family),
        BadInput(format!("there is no family '{family}'; there are: {}", families.join(", ")))
    );
    let suite = format!("{SUITES}/{family}/{name}.rs");
    let taken = BadInput(format!("there is a task '{name}' already: {suite}"));
    ensure!(!sh.path_exists(&suite), taken);

    let mut variant = family.clone();
    variant[..1].make_ascii_uppercase();
    let template = sh.read_file(TEMPLATE)?;
    let text = template.replace("NAME", name).replace("FAMILY", &variant);
    let lines = sh.read_file(&list)?;
    let (listed, rest) = lines
        .split_once("\n}")
        .with_context(|| format!("{list} has no list of suites that ends with a '}}'"))?;
    sh.write_file(&suite, text)?;
    sh.write_file(&list, format!("{listed}\n    {name},\n}}{rest}"))?;
    println!("wrote {suite} and added it to {list}");
    println!("next: fill in what it says to do, then run 'TASK={name} cargo test -p tasks'");
    Ok(ExitCode::SUCCESS)
}

fn families(sh: &Shell) -> anyhow::Result<Vec<String>> {
    let entries = sh.read_dir(SUITES)?;
    let lists = entries.iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let stem = |path: &std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    Ok(lists.filter_map(stem).collect())
}
