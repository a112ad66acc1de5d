//! `cargo xtask bench`: every row of the performance table, in one run. The programs that are measured
//! against are installed into private environments under `target/bench`.

use std::process::ExitCode;

use xshell::{Shell, cmd};

use crate::{children, forward};

/// Where rows and the programs that are measured against lie.
const FOLDER: &str = "target/bench";

/// What is measured.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave the platform's rows out
    #[arg(long)]
    no_platform: bool,
    /// Arguments of 'harness bench', such as --suite evalplus:FILE for the rows of HumanEval+; its --help
    /// shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

/// Measures the platform, then the harness, and has all rows in one table.
pub fn run(sh: &Shell, args: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = sh.create_dir(FOLDER)?;
    let mut rows = Vec::new();
    if !args.no_platform {
        let file = folder.join("platform.json");
        let measured =
            children::run(cmd!(sh, "cargo bench --quiet --package platform -- --json {file}"))?;
        if !measured.success() {
            return Ok(forward::code(measured));
        }
        rows.extend(["--rows".into(), file.into_os_string()]);
    }
    let (all, rest) = (folder.join("rows.json"), &args.rest);
    let harness = cmd!(
        sh,
        "cargo run --quiet --release --package harness -- bench --demo --peers {folder} --output {all} {rows...} {rest...}"
    );
    Ok(forward::code(children::run(harness)?))
}
