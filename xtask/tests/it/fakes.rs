//! A machine made of fake programs in a temporary directory.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use xtask::setup::machine::{Account, Machine};

/// Real programs that fakes and xtask's own shell lines use.
const REAL: [&str; 7] = ["cat", "date", "env", "ln", "sh", "sleep", "tail"];
/// A user who is not root.
const UID: u32 = 1000;

/// The fakes, and the machine that consists of them.
pub struct FakeMachine {
    dir: tempfile::TempDir,
    /// The machine
    pub machine: Machine,
}

impl FakeMachine {
    /// A machine with a normal user, apt-get and sudo, without Docker and without systemd. `apt-get install`
    /// brings a dockerd that works.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let machine = Machine {
            search_path: vec![path("bin"), path("sbin")],
            docker_host: None,
            account: Account { name: "ada".into(), uid: UID, gid: UID, groups: vec![UID, 27] },
            socket: path("docker.sock"),
            connect: |path| UnixStream::connect(path),
            pid_files: vec![path("docker.pid")],
            daemon_log: path("dockerd.log"),
            systemd_dir: path("systemd"),
            daemon_start: Duration::from_secs(60),
            asks: false,
            is_rerun: false,
            command: ["/work/xtask", "demo", "it's here"].map(Into::into).into(),
        };
        for bin in &machine.search_path {
            fs::create_dir(bin).unwrap();
        }
        let fake = Self { dir, machine };
        for program in REAL {
            fake.link_real(program);
        }
        fake.link_real("setsid");
        fake.add("sudo", "while case $1 in --*) ;; *) false;; esac; do shift; done; exec \"$@\"");
        fake.add("id", "echo 1000 27");
        let dockerd = fake.script("dockerd", &fake.working_dockerd());
        let install = format!(
            "case \"$*\" in *docker.io*) cat >{0}/sbin/dockerd <<'END'\n{dockerd}\nEND\n/bin/chmod +x {0}/sbin/dockerd;; esac",
            fake.dir.path().display()
        );
        fake.add("apt-get", &install);
        fake
    }

    /// Adds a program that logs its call and then runs `body`.
    pub fn add(&self, name: &str, body: &str) {
        let dir = if name == "dockerd" { "sbin" } else { "bin" };
        let path = self.path(dir).join(name);
        fs::write(&path, self.script(name, body)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Removes a program.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path("bin").join(name)).unwrap();
    }

    /// A file of the machine.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The calls of fake programs, one per line.
    pub fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }

    /// The group of the daemon's socket.
    pub fn socket_gid(&self) -> u32 {
        self.machine.socket.metadata().unwrap().gid()
    }

    /// Body of a dockerd that works: the socket of [`listen`](Self::listen) appears at the daemon's place.
    pub fn working_dockerd(&self) -> String {
        format!("ln -s {0}/listener {0}/docker.sock; exec sleep 2", self.dir.path().display())
    }

    /// Starts a thread that answers as a daemon does on the socket that `dockerd` puts in place.
    pub fn listen(&self, has_image: bool) {
        let listener = UnixListener::bind(self.path("listener")).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.unwrap(), has_image);
            }
        });
    }

    /// The same with a daemon that runs already.
    pub fn listen_at_once(&self, has_image: bool) {
        self.listen(has_image);
        symlink(self.path("listener"), &self.machine.socket).unwrap();
    }

    fn script(&self, name: &str, body: &str) -> String {
        format!("#!/bin/sh\necho \"{name} $*\" >>{}/calls\n{body}", self.dir.path().display())
    }

    fn link_real(&self, program: &str) {
        let dirs = ["/usr/bin", "/bin"].map(Path::new);
        let real = dirs.iter().map(|dir| dir.join(program)).find(|path| path.exists());
        symlink(real.unwrap(), self.path("bin").join(program)).unwrap();
    }
}

/// Denies every existing socket, as the kernel does to users outside the daemon's group.
pub fn denied(path: &Path) -> io::Result<UnixStream> {
    let kind =
        if path.exists() { io::ErrorKind::PermissionDenied } else { io::ErrorKind::NotFound };
    Err(kind.into())
}

fn answer(mut stream: UnixStream, has_image: bool) -> io::Result<()> {
    let mut request = [0; 512];
    let read = stream.read(&mut request)?;
    let found = has_image || request[..read].starts_with(b"GET /_ping ");
    let status = if found { "200 OK" } else { "404 Not Found" };
    write!(stream, "HTTP/1.0 {status}\r\n\r\n")
}
