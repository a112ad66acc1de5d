//! `cargo xtask new-task NAME`: create a task that compiles and passes, as a skeleton for a new one.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use xshell::Shell;

use crate::error::BadInput;

/// The catalogue: a directory and a list for each family.
const CATALOGUE: &str = "tasks/src/catalogue";
/// The skeleton of a task file.
const TEMPLATE: &str = "tasks/template.rs.txt";

/// The arguments of `new-task`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Task id and name of the function that agents write: a-z, 0-9 and _
    name: String,
    /// Family of the task
    #[arg(long, default_value = "strings")]
    family: String,
}

/// Writes the task file and adds it to its family's list.
pub fn run(sh: &Shell, args: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { name, family } = args;
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    ensure!(
        starts_well && name.len() <= 64 && name.chars().all(allowed),
        BadInput(format!(
            "'{name}' cannot name a task: expected up to 64 characters from a-z, 0-9 and _, starting with a letter"
        ))
    );
    let list = format!("{CATALOGUE}/{family}.rs");
    let families = families(sh)?;
    ensure!(
        families.contains(family),
        BadInput(format!("unknown family '{family}'; choose one of: {}", families.join(", ")))
    );
    let file = format!("{CATALOGUE}/{family}/{name}.rs");
    let taken = BadInput(format!("task '{name}' already exists: {file}"));
    ensure!(!sh.path_exists(&file), taken);

    let mut variant = family.clone();
    variant[..1].make_ascii_uppercase();
    let template = sh.read_file(TEMPLATE)?;
    let text = template.replace("NAME", name).replace("FAMILY", &variant);
    let lines = sh.read_file(&list)?;
    let (listed, rest) = lines
        .split_once("\n}")
        .with_context(|| format!("{list} has no list of tasks that ends with a '}}'"))?;
    sh.write_file(&file, text)?;
    sh.write_file(&list, format!("{listed}\n    {name},\n}}{rest}"))?;
    println!("wrote {file} and added it to {list}");
    println!("next: replace the TODOs, then run 'TASK={name} cargo test -p tasks'");
    Ok(ExitCode::SUCCESS)
}

fn families(sh: &Shell) -> anyhow::Result<Vec<String>> {
    let entries = sh.read_dir(CATALOGUE)?;
    let lists = entries.iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let stem = |path: &std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    Ok(lists.filter_map(stem).collect())
}
