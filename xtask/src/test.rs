//! `cargo xtask test`: the project's own tests, the same here and in CI.

use std::process::ExitCode;

use xshell::{Shell, cmd};

use crate::{children, forward, setup};

/// Programs that tests use, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 2] =
    [("docker-registry", "docker-registry"), ("python3", "python3")];

/// Runs every check, the quick ones first, and stops at the first that fails.
pub fn run(sh: &Shell, consent: &setup::Consent) -> anyhow::Result<ExitCode> {
    setup::packages(sh, consent, &PROGRAMS)?;
    setup::run(sh, consent)?;
    let store = format!("{}/target/test-store", sh.current_dir().display());
    sh.remove_path(&store)?;
    let checks = [
        cmd!(sh, "cargo fmt --all --check"),
        cmd!(sh, "cargo clippy --quiet --workspace --all-targets -- --deny warnings"),
        cmd!(sh, "cargo test --workspace"),
        cmd!(sh, "cargo test --package harness --test harness").env("BITSEC_STORE", &store),
    ];
    for check in checks {
        eprintln!("$ {check}");
        let status = children::run(check)?;
        if !status.success() {
            return Ok(forward::code(status));
        }
    }
    Ok(ExitCode::SUCCESS)
}
