//! `cargo xtask test`: the project's own tests, the same here and in CI.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use crate::{children, forward, setup};

/// Programs that tests use, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 5] = [
    ("chromedriver", "chromium-driver"),
    ("curl", "curl"),
    ("docker-registry", "docker-registry"),
    ("faketime", "faketime"),
    ("python3", "python3"),
];
/// Tools from `PyPI`: a checker of HTTP APIs, and a server that answers as language models' do. They get an
/// environment of their own.
const PYTHON_TOOLS: [&str; 2] = ["schemathesis==4.32.5", "llmock==0.2.2"];
/// It brings axe-core's script, which is all that is wanted of it.
const AXE: &str = "axe-playwright-python==0.1.8";
/// Where those tools live.
const TOOLS: &str = "target/tools";

/// Runs every check, the quick ones first, and stops at the first that fails.
pub fn run(sh: &Shell, consent: &setup::Consent) -> anyhow::Result<ExitCode> {
    setup::packages(sh, consent, &PROGRAMS)?;
    setup::run(sh, consent)?;
    let (tools, axe) = python_tools(sh, consent)?;
    let store = format!("{}/target/test-store", sh.current_dir().display());
    sh.remove_path(&store)?;
    let path = format!("{tools}:{}", std::env::var("PATH").unwrap_or_default());
    // A Docker daemon of the test's own can only be started by root.
    let as_root = format!("target.'cfg(unix)'.runner = '{}'", setup::as_root(sh));
    let checks = [
        cmd!(sh, "cargo fmt --all --check"),
        cmd!(
            sh,
            "cargo clippy --quiet --workspace --all-targets --features platform/outside-tools,miner/outside-tools -- --deny warnings"
        ),
        cmd!(sh, "cargo test --workspace --features platform/outside-tools,miner/outside-tools")
            .env("PATH", &path)
            .env("AXE_JS", axe),
        cmd!(
            sh,
            "cargo test --package harness --features own-daemon --test daemon --config {as_root}"
        ),
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

/// The folder of the programs from `PyPI`, and the file of the accessibility checker. Installed once.
fn python_tools(sh: &Shell, consent: &setup::Consent) -> anyhow::Result<(String, String)> {
    let folder = format!("{}/{TOOLS}", sh.current_dir().display());
    let bin = format!("{folder}/bin");
    let python = format!("{bin}/python");
    let installed = |tool: &&str| {
        let program = tool.split("==").next().unwrap_or(tool);
        sh.path_exists(format!("{bin}/{program}"))
    };
    if !PYTHON_TOOLS.iter().all(installed) {
        consent.needed(&format!("the tests need '{}' from PyPI", PYTHON_TOOLS.join("', '")))?;
        // Debian keeps `venv` in a package of its own.
        if Command::new("python3").args(["-c", "import ensurepip"]).status()?.success() {
            cmd!(sh, "python3 -m venv {folder}").run()?;
        } else {
            setup::install(sh, &["python3-venv"])?;
            cmd!(sh, "python3 -m venv {folder}").run()?;
        }
        cmd!(sh, "{python} -m pip install --quiet --no-deps {AXE}").run()?;
        cmd!(sh, "{python} -m pip install --quiet {PYTHON_TOOLS...}").run()?;
    }
    let find = "import importlib.util as u; \
                print(*u.find_spec('axe_playwright_python').submodule_search_locations)";
    let axe =
        cmd!(sh, "{python} -c {find}").quiet().read().context("axe's package is not whole")?;
    let axe = format!("{axe}/axe.min.js");
    ensure!(sh.path_exists(&axe), "{AXE} has no {axe}");
    Ok((bin, axe))
}
