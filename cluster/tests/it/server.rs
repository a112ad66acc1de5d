//! NATS servers of the tests: started, killed with SIGKILL, started again on the same port and files.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that stores messages.
pub struct NatsServer {
    process: Option<Child>,
    directory: tempfile::TempDir,
    arguments: Vec<String>,
    /// Where it is started, for the relative paths of its configuration
    place: PathBuf,
    pub port: u16,
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl NatsServer {
    /// A server without authorization.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with more arguments.
    pub async fn with(arguments: &[&str]) -> Self {
        let mut server = Self {
            process: None,
            directory: tempfile::tempdir().unwrap(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            place: ".".into(),
            port: free_port(),
        };
        server.start_again().await;
        server
    }

    /// A server with a configuration file.
    pub async fn configured(config: &Path, port: u16) -> Self {
        let mut server = Self {
            process: None,
            directory: tempfile::tempdir().unwrap(),
            arguments: vec!["--config".to_owned(), config.display().to_string()],
            place: config.parent().unwrap().to_owned(),
            port,
        };
        server.start_again().await;
        server
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Starts the server, and waits until it answers.
    pub async fn start_again(&mut self) {
        let log = std::fs::File::create(self.log()).unwrap();
        let store = self.directory.path().join("jetstream").display().to_string();
        // A configuration says itself where messages are kept.
        let is_configured = self.arguments.iter().any(|argument| argument == "--config");
        let storage =
            if is_configured { vec![] } else { vec!["--jetstream", "--store_dir", &store] };
        let process = Command::new("nats-server")
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .args(storage)
            .args(&self.arguments)
            .current_dir(&self.place)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nats-server is installed ('cargo xtask test --setup')");
        self.process = Some(process);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            let exited = self.process.as_mut().unwrap().try_wait().unwrap();
            let log = std::fs::read_to_string(self.log()).unwrap();
            assert!(exited.is_none(), "nats-server ended: {log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the server with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three servers that keep three copies of every message.
pub struct NatsCluster {
    pub nodes: Vec<NatsServer>,
}

impl NatsCluster {
    pub async fn start() -> Self {
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let routes: Vec<_> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let routes = routes.join(",");
        let mut nodes = Vec::new();
        for (number, port) in ports.iter().enumerate() {
            let (name, listen) = (format!("n{number}"), format!("nats://127.0.0.1:{port}"));
            let arguments = ["--name", &name, "--cluster_name", "test", "--cluster", &listen];
            nodes.push(NatsServer::with(&[&arguments[..], &["--routes", &routes]].concat()).await);
        }
        Self { nodes }
    }

    pub fn url(&self) -> String {
        self.nodes.iter().map(NatsServer::url).collect::<Vec<_>>().join(",")
    }
}
