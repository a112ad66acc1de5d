//! Where an image comes from, against a real daemon and a real registry (Debian's package
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
use harness::sandbox::{ImageEvent, Origin, connect, resolve_image};

/// A registry that lives as long as this value.
struct Registry {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The registry takes no port of its own choice, so a free one is found for it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let config = folder.path().join("config.yml");
        let root = folder.path().join("data");
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
        Self { process, address, _folder: folder }
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

/// Puts an image on the daemon that nobody else has, under this name. It is of no use but to be pulled.
async fn import(docker: &Docker, repository: &str, tag: &str) {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..3 << 20).map(|_| rand::random()).collect();
    std::fs::write(folder.path().join("noise"), noise).unwrap();
    let archive =
        Command::new("tar").args(["-c", "-C"]).arg(folder.path()).arg(".").output().unwrap();
    let options =
        CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(tag).build();
    let body = bollard::body_full(archive.stdout.into());
    let mut importing = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
    while let Some(step) = importing.next().await {
        step.expect("the daemon takes the archive");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_here_is_pulled_with_progress_and_then_present() {
    let docker = connect().await.expect("there is a daemon");
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
    assert!(docker.inspect_image(&reference).await.is_err(), "it is still here");

    let events = Mutex::new(Vec::new());
    let on_event = |event| events.lock().unwrap().push(event);
    let pulled = resolve_image(&docker, Some(&reference), false, &on_event).await.unwrap();
    let again = resolve_image(&docker, Some(&reference), false, &|_| ()).await.unwrap();
    remove(&docker, &reference).await;
    assert_eq!((pulled.origin, again.origin), (Origin::Pulled, Origin::Present));
    assert_eq!(pulled.id, id);
    let events = events.into_inner().unwrap();
    assert!(matches!(&events[0], ImageEvent::Pulling(name) if *name == reference), "{events:?}");
    let of_all = |event: &ImageEvent| matches!(event, ImageEvent::Pulled(_, of) if *of > 3 << 20);
    assert!(events.iter().any(of_all), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_was_asked_for_is_never_replaced_by_another() {
    let docker = connect().await.expect("there is a daemon");
    let registry = Registry::start();
    let reference = format!("{}/no/such:image", registry.address);
    let events = Mutex::new(Vec::new());
    let on_event = |event| events.lock().unwrap().push(event);
    let refused = resolve_image(&docker, Some(&reference), false, &on_event).await;
    assert!(
        matches!(&refused, Err(Fault::Image(text)) if text.contains(&reference)),
        "{refused:?}"
    );
    let events = events.into_inner().unwrap();
    assert!(events.iter().all(|event| !matches!(event, ImageEvent::Building(_))), "{events:?}");
}

/// The way that machines without a registry take, tried up to the daemon's door: `cargo xtask demo` on such a
/// machine goes through it.
#[test]
fn a_whole_root_is_built_from_packages() {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/image/build-rootfs.sh");
    let built =
        Command::new("sh").arg(script).arg(folder.path()).arg(debian_architecture()).output();
    let built = built.expect("there is a shell");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");
    assert!(!said.contains("could not be compiled"), "{said}");

    let listed = Command::new("tar")
        .args(["--numeric-owner", "-tvf"])
        .arg(folder.path().join("root.tar"))
        .output()
        .expect("there is tar");
    let listed = String::from_utf8_lossy(&listed.stdout);
    for wanted in [
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
        assert!(listed.contains(wanted), "'{wanted}' is missing");
    }
    let file = |line: &&str| line.starts_with('-');
    let odd = |line: &&str| line[..10].contains(['s', 'S']) || !line.contains(" 0/0 ");
    let odd: Vec<&str> = listed.lines().filter(file).filter(odd).collect();
    assert!(odd.is_empty(), "files of others than root, or with another's rights: {odd:?}");
}

fn debian_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}
