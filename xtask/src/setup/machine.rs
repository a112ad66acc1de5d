//! The machine as set-up sees it. Tests make one of fake programs.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Environment variable that marks a process that this command started as its own second run.
pub const RERUN_VARIABLE: &str = "XTASK_RERUN";

/// The user who runs this process.
#[derive(Clone, Debug)]
pub struct Account {
    /// Login name
    pub name: String,
    /// User id; 0 is root
    pub uid: u32,
    /// Group id
    pub gid: u32,
    /// Groups of this process
    pub groups: Vec<u32>,
}

/// Everything that set-up asks of its environment.
pub struct Machine {
    /// Directories in which programs are looked up, in order
    pub search_path: Vec<PathBuf>,
    /// Value of `DOCKER_HOST`, if it is set and not empty
    pub docker_host: Option<String>,
    /// The user
    pub account: Account,
    /// The daemon's socket
    pub socket: PathBuf,
    /// Opens the daemon's socket
    pub connect: fn(&Path) -> io::Result<UnixStream>,
    /// Files in which a daemon, or the script that started it, writes its process id
    pub pid_files: Vec<PathBuf>,
    /// File to which a daemon that is started here writes its log
    pub daemon_log: PathBuf,
    /// Directory that exists if systemd is the init system
    pub systemd_dir: PathBuf,
    /// How long a daemon that was just started may take to answer
    pub daemon_start: Duration,
    /// Whether there is a terminal to ask for consent; elsewhere `--setup` is the consent
    pub asks: bool,
    /// Whether this is the second run of the command, the one with the right to use the daemon
    pub is_rerun: bool,
    /// This command, to be started again
    pub command: Vec<OsString>,
}

impl Machine {
    /// The machine that this process runs on.
    pub fn this() -> anyhow::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Users often lack these in PATH, and dockerd lies there.
        let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
        let exe = std::env::current_exe().context("cannot find the running program")?;
        let arguments = std::env::args_os().skip(1);
        let groups =
            rustix::process::getgroups().context("cannot read the groups of this process")?;
        let mut machine = Self {
            search_path: std::env::split_paths(&path).chain(system).collect(),
            docker_host: std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()),
            account: Account {
                name: String::new(),
                uid: rustix::process::getuid().as_raw(),
                gid: rustix::process::getgid().as_raw(),
                groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
            },
            socket: "/var/run/docker.sock".into(),
            connect: |path| UnixStream::connect(path),
            pid_files: ["/var/run/docker.pid", "/var/run/docker-ssd.pid"].map(Into::into).into(),
            daemon_log: "/var/log/dockerd.log".into(),
            systemd_dir: "/run/systemd/system".into(),
            daemon_start: Duration::from_secs(90),
            asks: io::stdin().is_terminal(),
            is_rerun: std::env::var_os(RERUN_VARIABLE).is_some(),
            command: std::iter::once(exe.into_os_string()).chain(arguments).collect(),
        };
        machine.account.name = machine.read("id", &["-un"])?;
        Ok(machine)
    }

    /// Finds a program.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        self.search_path.iter().map(|dir| dir.join(program)).find(|path| path.is_file())
    }

    /// A command with [`search_path`](Self::search_path) as its `PATH`.
    pub fn command(&self, program: &str) -> anyhow::Result<Command> {
        let path = self.find(program).with_context(|| format!("'{program}' is not installed"))?;
        let mut command = Command::new(path);
        command.env("PATH", self.path_variable()?);
        Ok(command)
    }

    /// A command that runs as root: directly if this process is root, else through sudo. `purpose` completes
    /// the error "… needs root".
    pub fn root_command(&self, program: &str, purpose: &str) -> anyhow::Result<Command> {
        if self.account.uid == 0 {
            return self.command(program);
        }
        ensure!(
            self.find("sudo").is_some(),
            "{purpose} needs root, '{}' is not root, and sudo is not installed: do it as root, or install sudo",
            self.account.name
        );
        let mut command = self.command("sudo")?;
        // sudo replaces PATH with one of its own.
        let mut path = OsString::from("PATH=");
        path.push(self.path_variable()?);
        command.arg("env").arg(path).arg(program);
        Ok(command)
    }

    /// Output of a program, without its last line end.
    pub fn read(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(program)?.args(arguments).output();
        let output = output.with_context(|| format!("cannot run '{program}'"))?;
        ensure!(output.status.success(), "'{program}' ended with {}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Asks for consent on a terminal; elsewhere reports what is done.
    pub fn confirm(&self, action: &str) -> anyhow::Result<()> {
        if !self.asks {
            eprintln!("--setup: {action}");
            return Ok(());
        }
        eprint!("{action}? [y/N] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "aborted: declined to {action}");
        Ok(())
    }

    /// The value of `PATH` for programs that set-up runs.
    pub fn path_variable(&self) -> anyhow::Result<OsString> {
        std::env::join_paths(&self.search_path).context("PATH holds a directory with a colon")
    }
}
