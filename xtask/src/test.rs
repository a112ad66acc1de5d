//! `cargo xtask test`: all checks of the project, the same here and in CI.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::setup::machine::Machine;
use crate::setup::{self, ARENA, SELECTION, packages};
use crate::{children, forward};

/// Programs that tests use, and their Debian packages.
const PROGRAMS: [(&str, &str); 9] = [
    ("chromedriver", "chromium-driver"),
    ("curl", "curl"),
    ("docker-registry", "docker-registry"),
    ("faketime", "faketime"),
    ("jq", "jq"),
    ("nats-server", "nats-server"),
    ("nginx", "nginx-light"),
    ("python3", "python3"),
    ("ssh-keygen", "openssh-client"),
];
/// Tools from `PyPI`: a checker of HTTP APIs, a server that answers as language models do, two clients of such servers, a
/// parser of metrics, and a generator of clients.
const PYTHON_TOOLS: [&str; 6] = [
    "schemathesis==4.32.5",
    "llmock==0.2.2",
    "openai==3.57.0",
    "anthropic==2.14.0",
    "prometheus-client==0.26.0",
    "openapi-python-client==0.29.1",
];
/// Brings axe-core's script, the checker of accessibility. Nothing else of it is used.
const AXE: &str = "axe-playwright-python==0.1.8";
/// Directory of the environment of those tools.
const TOOLS: &str = "target/tools";

/// Runs every check, the quick ones first, and stops at the first that fails.
pub fn run(sh: &Shell, consent: &setup::Consent) -> anyhow::Result<ExitCode> {
    let machine = Machine::this()?;
    let tools = PythonTools::new(sh);
    setup::prepare_or_rerun(consent, &needs(sh, &machine, &tools))?;
    tools.install(sh)?;
    let mut times = Vec::new();
    for (name, check) in checks(sh, &machine, &tools)? {
        eprintln!("$ {check}");
        let started = Instant::now();
        let status = children::run(check)?;
        times.push((name, started.elapsed().as_secs()));
        if !status.success() {
            eprintln!("xtask: the step '{name}' failed");
            return Ok(forward::code(status));
        }
    }
    for (name, seconds) in times {
        eprintln!("{seconds:>6} s  {name}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is missing for the tests.
fn needs(sh: &Shell, machine: &Machine, tools: &PythonTools) -> setup::Needs {
    let packages = packages::missing(machine, &PROGRAMS);
    let mut needs = setup::Needs { packages, ..Default::default() };
    if tools.are_installed(sh) {
        return needs;
    }
    needs.others.push(format!("tools from PyPI: {}, {AXE}", PYTHON_TOOLS.join(", ")));
    // Debian keeps the module `venv` in a package of its own.
    if machine.read("python3", &["-c", "import ensurepip"]).is_err() {
        needs.packages.push("python3-venv".to_owned());
    }
    needs
}

/// The steps in order, each with its name.
fn checks<'a>(
    sh: &'a Shell,
    machine: &Machine,
    tools: &PythonTools,
) -> anyhow::Result<Vec<(&'static str, Cmd<'a>)>> {
    let store = format!("{}/target/test-store", sh.current_dir().display());
    sh.remove_path(&store)?;
    let path = format!("{}:{}", tools.bin(), std::env::var("PATH").unwrap_or_default());
    let axe = tools.axe(sh)?;
    // Only root can start the Docker daemon of these tests.
    let own_daemon = cmd!(sh, "cargo test {SELECTION...} --test daemon");
    let own_daemon = if machine.account.uid == 0 {
        own_daemon
    } else {
        own_daemon.args(["--config", "target.'cfg(unix)'.runner = 'sudo'"])
    };
    Ok(vec![
        ("format", cmd!(sh, "cargo fmt --all --check")),
        (
            "clippy",
            cmd!(
                sh,
                "cargo clippy --quiet --workspace --all-targets --all-features -- --deny warnings"
            ),
        ),
        (
            // `--all-targets` leaves out what `cargo test` runs only if it is named.
            "clippy of tests to be named",
            cmd!(
                sh,
                "cargo clippy --quiet --workspace --all-features --test daemon --test harness -- --deny warnings"
            ),
        ),
        (
            "documentation",
            cmd!(sh, "cargo doc --quiet --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"),
        ),
        // It builds the binary, too.
        ("build of the tests", cmd!(sh, "cargo test {SELECTION...} --no-run")),
        ("image", cmd!(sh, "{ARENA} image")),
        ("tests", cmd!(sh, "cargo test {SELECTION...}").env("PATH", &path).env("AXE_JS", axe)),
        ("tests with a Docker daemon of their own", own_daemon),
        (
            "controls on an empty store",
            cmd!(sh, "cargo test {SELECTION...} --test harness").env("ARENA_STORE", &store),
        ),
    ])
}

/// A Python environment with the tools from `PyPI`.
struct PythonTools {
    dir: String,
}

impl PythonTools {
    fn new(sh: &Shell) -> Self {
        Self { dir: format!("{}/{TOOLS}", sh.current_dir().display()) }
    }

    fn bin(&self) -> String {
        format!("{}/bin", self.dir)
    }

    /// Whether the environment has the tools in these versions.
    fn are_installed(&self, sh: &Shell) -> bool {
        let python = format!("{}/python", self.bin());
        let check = "import sys; from importlib.metadata import version; \
                     tools = (tool.split('==') for tool in sys.argv[1:]); \
                     sys.exit(any(version(name) != wanted for name, wanted in tools))";
        let check = cmd!(sh, "{python} -c {check} {PYTHON_TOOLS...} {AXE}");
        sh.path_exists(&python) && check.quiet().ignore_stdout().ignore_stderr().run().is_ok()
    }

    fn install(&self, sh: &Shell) -> anyhow::Result<()> {
        if self.are_installed(sh) {
            return Ok(());
        }
        let (dir, python) = (&self.dir, format!("{}/python", self.bin()));
        cmd!(sh, "python3 -m venv {dir}").run()?;
        cmd!(sh, "{python} -m pip install --quiet --no-deps {AXE}").run()?;
        cmd!(sh, "{python} -m pip install --quiet {PYTHON_TOOLS...}").run()?;
        Ok(())
    }

    /// Path of the accessibility checker's script.
    fn axe(&self, sh: &Shell) -> anyhow::Result<String> {
        let find = "import importlib.util as u; \
                    print(*u.find_spec('axe_playwright_python').submodule_search_locations)";
        let python = format!("{}/python", self.bin());
        let package = cmd!(sh, "{python} -c {find}").quiet().read();
        let package = package.with_context(|| format!("{AXE} is not installed in {TOOLS}"))?;
        let script = format!("{package}/axe.min.js");
        ensure!(sh.path_exists(&script), "{AXE} has no axe.min.js");
        Ok(script)
    }
}
