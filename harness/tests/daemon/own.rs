//! A Docker daemon that belongs to a test, which may stop, kill and restart it.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bollard::query_parameters::ImportImageOptions;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt as _;
use harness::sandbox::{self, SandboxSettings};

/// How long the daemon may take to start or to end: it waits 10 s for containers that do not end by themselves.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Daemon {
    directory: tempfile::TempDir,
    process: Child,
    /// The name of its only image.
    pub image: String,
}

impl Daemon {
    /// Starts a daemon with a directory of its own, and copies the image of the machine's daemon to it.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("arena-").tempdir().unwrap();
        let process = run(directory.path());
        let mut daemon = Self { directory, process, image: String::new() };
        daemon.wait_until_up().await;
        let settings = SandboxSettings {
            image: std::env::var("ARENA_IMAGE").ok(),
            ..SandboxSettings::default()
        };
        let opened = sandbox::open(&settings, &|_| ()).await.expect("an image to run agents in");
        daemon.image = opened.image().reference.clone();
        let machine = sandbox::connect().await.expect("these tests need a Docker daemon");
        let archive = machine.export_image(&daemon.image).filter_map(async |piece| piece.ok());
        let options = ImportImageOptions::default();
        let docker = daemon.docker();
        let mut steps =
            std::pin::pin!(docker.import_image(options, bollard::body_stream(archive), None));
        while let Some(step) = steps.next().await {
            step.expect("the daemon imports the image");
        }
        daemon
    }

    pub fn docker(&self) -> Docker {
        let socket = self.directory.path().join("d.sock");
        Docker::connect_with_unix(socket.to_str().unwrap(), 60, API_DEFAULT_VERSION).unwrap()
    }

    /// Ends the daemon, which ends its containers first, and starts it again.
    pub async fn restart(&mut self) {
        self.signal("TERM");
        self.wait_until_ended();
        self.process = run(self.directory.path());
        self.wait_until_up().await;
    }

    pub fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &process]).status().unwrap().success());
    }

    async fn wait_until_up(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let up =
                self.directory.path().join("d.sock").exists() && self.docker().ping().await.is_ok();
            if up {
                return;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}: {}", self.log());
            std::thread::yield_now();
        }
    }

    fn wait_until_ended(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the daemon does not end: {}", self.log());
            std::thread::yield_now();
        }
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(5).collect();
        format!(
            "these tests start a Docker daemon of their own and must run as root:\n{}",
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal("CONT");
            self.signal("TERM");
            self.wait_until_ended();
        }
    }
}

/// Starts `dockerd` with all its files in this directory, and without touching the host's network.
fn run(directory: &Path) -> Child {
    let log = std::fs::File::create(directory.join("log")).unwrap();
    let path = |name: &str| directory.join(name).display().to_string();
    // Without this file it would read the settings of the machine's daemon.
    std::fs::write(directory.join("daemon.json"), "{}").unwrap();
    Command::new("dockerd")
        .args(["--config-file", &path("daemon.json")])
        .args(["--data-root", &path("data"), "--exec-root", &path("exec")])
        .args(["--pidfile", &path("pid"), "--host", &format!("unix://{}", path("d.sock"))])
        .args([
            "--containerd-namespace",
            "arena-test",
            "--containerd-plugins-namespace",
            "arena-test-p",
        ])
        .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()
        .expect("dockerd is installed")
}
