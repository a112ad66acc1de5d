//! Finding, pulling and building an image, against a real daemon and a real registry (Debian's package
//! `docker-registry`, started by the test on a port of its own).

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use bollard::Docker;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, PushImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use harness::Fault;
use harness::sandbox::{ImageEvent, ImageOrigin, ImagePolicy, connect, resolve_image};

use crate::machine;

/// A registry that lives as long as this value.
struct Registry {
    process: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The registry does not choose a port itself, so a free one is found for it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config = directory.path().join("config.yml");
        let root = directory.path().join("data");
        std::fs::write(&config, config_text(&address, &root)).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed ('apt-get install docker-registry')");
        while std::net::TcpStream::connect(&address).is_err() {
            std::thread::yield_now();
        }
        Self { process, address, _directory: directory }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn config_text(address: &str, root: &Path) -> String {
    format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
         http: {{addr: '{address}'}}\n",
        root.display()
    )
}

async fn remove(docker: &Docker, reference: &str) {
    let options = RemoveImageOptionsBuilder::default().build();
    let _ = docker.remove_image(reference, Some(options), None).await;
}

/// Imports a unique image under this name, only to be pulled.
async fn import(docker: &Docker, repository: &str, tag: &str) {
    let directory = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..3 << 20).map(|_| rand::random()).collect();
    std::fs::write(directory.path().join("noise"), noise).unwrap();
    let archive =
        Command::new("tar").args(["-c", "-C"]).arg(directory.path()).arg(".").output().unwrap();
    let options =
        CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(tag).build();
    let body = bollard::body_full(archive.stdout.into());
    let mut importing = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
    while let Some(step) = importing.next().await {
        step.expect("the daemon takes the archive");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pulls_a_missing_image_with_progress() {
    let _shared = machine::shared().await;
    let docker = connect().await.expect("these tests need a Docker daemon");
    let registry = Registry::start();
    let repository = format!("{}/arena-test/pulled", registry.address);
    let reference = format!("{repository}:3.11");
    import(&docker, &repository, "3.11").await;
    let id = docker.inspect_image(&reference).await.unwrap().id.unwrap();
    let options = PushImageOptionsBuilder::default().tag("3.11").build();
    let mut pushing = std::pin::pin!(docker.push_image(&repository, Some(options), None));
    while let Some(step) = pushing.next().await {
        step.expect("the registry takes the image");
    }
    remove(&docker, &reference).await;
    assert!(docker.inspect_image(&reference).await.is_err(), "the image is still on the daemon");

    let events = Mutex::new(Vec::new());
    let on_event = |event| events.lock().unwrap().push(event);
    let pulled =
        resolve_image(&docker, Some(&reference), ImagePolicy::UsePresent, &on_event).await.unwrap();
    let again =
        resolve_image(&docker, Some(&reference), ImagePolicy::UsePresent, &|_| ()).await.unwrap();
    remove(&docker, &reference).await;
    assert_eq!((pulled.origin, again.origin), (ImageOrigin::Pulled, ImageOrigin::Present));
    assert_eq!(pulled.id, id);
    let events = events.into_inner().unwrap();
    assert!(matches!(&events[0], ImageEvent::Pulling(name) if *name == reference), "{events:?}");
    let of_all = |event: &ImageEvent| matches!(event, ImageEvent::Pulled(_, of) if *of > 3 << 20);
    assert!(events.iter().any(of_all), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_replace_a_named_image() {
    let _shared = machine::shared().await;
    let docker = connect().await.expect("these tests need a Docker daemon");
    let registry = Registry::start();
    let reference = format!("{}/no/such:image", registry.address);
    let events = Mutex::new(Vec::new());
    let on_event = |event| events.lock().unwrap().push(event);
    let refused =
        resolve_image(&docker, Some(&reference), ImagePolicy::UsePresent, &on_event).await;
    assert!(
        matches!(&refused, Err(Fault::Image(text)) if text.contains(&reference)),
        "{refused:?}"
    );
    let events = events.into_inner().unwrap();
    assert!(events.iter().all(|event| !matches!(event, ImageEvent::Building(_))), "{events:?}");
}

/// What machines without a registry do, up to the import into the daemon.
#[test]
fn builds_a_root_file_system_from_packages() {
    let directory = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/image/build-rootfs.sh");
    let built =
        Command::new("sh").arg(script).arg(directory.path()).arg(debian_architecture()).output();
    let built = built.expect("there is a shell");
    let log = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{log}");
    assert!(!log.contains("could not be compiled"), "{log}");

    let listed = Command::new("tar")
        .args(["--numeric-owner", "-tvf"])
        .arg(directory.path().join("root.tar"))
        .output()
        .expect("there is tar");
    let listed = String::from_utf8_lossy(&listed.stdout);
    for entry in [
        " ./usr/local/bin/python -> /usr/bin/python3",
        " ./usr/bin/python3 -> python3.11",
        " ./bin -> usr/bin",
        " ./etc/passwd",
        " ./etc/ld.so.cache",
        " ./usr/share/zoneinfo/Europe/Berlin",
        " ./usr/lib/python3.11/lib-dynload/_sqlite3.",
        " ./usr/lib/python3.11/distutils/__init__.py",
        " ./usr/lib/python3.11/email/__pycache__/message.cpython-311.pyc",
    ] {
        assert!(listed.contains(entry), "'{entry}' is missing");
    }
    let file = |line: &&str| line.starts_with('-');
    let odd = |line: &&str| line[..10].contains(['s', 'S']) || !line.contains(" 0/0 ");
    let odd: Vec<&str> = listed.lines().filter(file).filter(odd).collect();
    assert!(odd.is_empty(), "files that root does not own, or that run with its rights: {odd:?}");
}

fn debian_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}
