//! `cargo xtask bench`: the ratios against peers. Package `arena-bench` measures the release build of `arena`.

use std::process::ExitCode;

use xshell::{Shell, cmd};

use crate::{children, forward};

/// Arguments of `arena-bench`.
#[derive(clap::Args)]
pub struct BenchArguments {
    /// Groups of rows and options, such as '--benchmark evalplus:FILE'; --help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

/// Builds `arena` and the benchmark in release mode, then measures.
pub fn run(sh: &Shell, args: &BenchArguments) -> anyhow::Result<ExitCode> {
    cmd!(sh, "cargo build --quiet --release --package arena").quiet().run()?;
    let rest = &args.rest;
    let bench = cmd!(sh, "cargo run --quiet --release --package arena-bench -- {rest...}");
    Ok(forward::code(children::run(bench.quiet())?))
}
