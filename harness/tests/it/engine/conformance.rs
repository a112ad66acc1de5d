//! The same checks for Docker and for the engine in memory.

use std::collections::HashMap;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use harness::sandbox::{self, Engine, SandboxSettings};
use tokio::io::AsyncWriteExt as _;

use super::fake::FakeEngine;
use super::peer::{self, ECHO};

/// An engine under test, and the image that it has.
struct Subject {
    engine: Box<dyn Engine>,
    image: String,
}

type Check = fn(Subject) -> BoxFuture<'static, ()>;

/// Every check, by its name.
const CHECKS: [(&str, Check); 9] = [
    ("a container is listed by its labels", |s| Box::pin(is_listed_by_its_labels(s))),
    ("a name is given once", |s| Box::pin(a_name_is_given_once(s))),
    ("streams go both ways and stay apart", |s| Box::pin(streams_go_both_ways(s))),
    ("the end of stdin is an end", |s| Box::pin(the_end_of_stdin_is_an_end(s))),
    ("how it ended is told", |s| Box::pin(how_it_ended_is_told(s))),
    ("a kill ends it even if nobody reads", |s| Box::pin(a_kill_ends_it(s))),
    ("what is removed is gone", |s| Box::pin(what_is_removed_is_gone(s))),
    ("what is not there is 404", |s| Box::pin(what_is_not_there_is_404(s))),
    ("only the dead have leftovers", |s| Box::pin(only_the_dead_have_leftovers(s))),
];

#[tokio::test(flavor = "multi_thread")]
async fn docker_is_what_the_sandbox_relies_on() {
    let docker = sandbox::connect().await.expect("these tests need a Docker daemon");
    let options = SandboxSettings { image: std::env::var("ARENA_IMAGE").ok(), runtime: None };
    let opened = sandbox::open(&options, &|_| ()).await.expect("an image to run agents in");
    for (name, check) in CHECKS {
        println!("{name}");
        let image = opened.image().id.clone();
        check(Subject { engine: Box::new(docker.clone()), image }).await;
    }
}

#[tokio::test]
async fn the_engine_in_memory_is_what_the_sandbox_relies_on() {
    for (name, check) in CHECKS {
        println!("{name}");
        let engine = FakeEngine::new(peer::echo());
        check(Subject { engine: Box::new(engine), image: FakeEngine::IMAGE.to_owned() }).await;
    }
}

/// One container of a check, removed at its end.
struct Held<'a> {
    engine: &'a dyn Engine,
    id: String,
}

impl Subject {
    /// A container whose process 1 echoes. Its name and its label say which check it belongs to.
    async fn create(&self, name: &str) -> Result<Held<'_>, Error> {
        self.create_with(name, ("arena.test", name)).await
    }

    async fn create_with(&self, name: &str, label: (&str, &str)) -> Result<Held<'_>, Error> {
        let words = ["python3", "-c", ECHO].map(str::to_owned);
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: Some(words.to_vec()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            labels: Some(HashMap::from([(label.0.to_owned(), label.1.to_owned())])),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let created = self.engine.create(name, body).await?;
        assert_eq!(created.warnings, [""; 0]);
        Ok(Held { engine: &*self.engine, id: created.id })
    }
}

impl Held<'_> {
    async fn started(&self) -> AttachContainerResults {
        let streams = self.engine.attach(&self.id).await.unwrap();
        self.engine.start(&self.id).await.unwrap();
        streams
    }

    async fn removed(self) {
        self.engine.remove(&self.id).await.unwrap();
    }

    /// Whether it runs, its exit status, and whether it ran out of memory.
    async fn state(&self) -> (bool, i64, bool) {
        let state = self.engine.inspect(&self.id).await.unwrap();
        (state.running.unwrap(), state.exit_code.unwrap(), state.oom_killed.unwrap())
    }
}

/// A name that no other test has at the same time.
fn name(check: &str) -> String {
    format!("arena-test-{check}-{:x}", rand::random::<u64>())
}

#[track_caller]
fn check_status<T>(reply: Result<T, Error>, wanted: u16) {
    match reply {
        Err(Error::DockerResponseServerError { status_code, .. }) => {
            assert_eq!(status_code, wanted);
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was done, and {wanted} is wanted"),
    }
}

/// Reads from a container until both of its streams have brought this much.
async fn read(streams: &mut AttachContainerResults, stdout: &str, stderr: &str) {
    let (mut out, mut err) = (String::new(), String::new());
    while out.len() < stdout.len() || err.len() < stderr.len() {
        match streams.output.next().await.expect("the stream goes on").unwrap() {
            LogOutput::StdOut { message } => out.push_str(std::str::from_utf8(&message).unwrap()),
            LogOutput::StdErr { message } => err.push_str(std::str::from_utf8(&message).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((out.as_str(), err.as_str()), (stdout, stderr));
}

async fn write(streams: &mut AttachContainerResults, text: &str) {
    streams.input.write_all(text.as_bytes()).await.unwrap();
    streams.input.flush().await.unwrap();
}

async fn is_listed_by_its_labels(subject: Subject) {
    let name = name("labels");
    let listed = async |label: String| {
        let found = subject.engine.list(&label).await.unwrap();
        found.into_iter().filter_map(|summary| summary.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(format!("arena.test={name}")).await, [""; 0]);
    let held = subject.create(&name).await.unwrap();
    assert_eq!(listed(format!("arena.test={name}")).await, [held.id.as_str()]);
    assert!(listed("arena.test".to_owned()).await.contains(&held.id));
    assert!(!listed("arena.test=other".to_owned()).await.contains(&held.id));
    assert!(!listed("arena.other".to_owned()).await.contains(&held.id));
    held.removed().await;
    assert_eq!(listed(format!("arena.test={name}")).await, [""; 0]);
}

async fn a_name_is_given_once(subject: Subject) {
    let name = name("names");
    let held = subject.create(&name).await.unwrap();
    check_status(subject.create(&name).await.map(|_| ()), 409);
    held.removed().await;
    subject.create(&name).await.expect("the name is free again").removed().await;
}

async fn streams_go_both_ways(subject: Subject) {
    let held = subject.create(&name("streams")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "say one\ncomplain two\n").await;
    read(&mut streams, "one\n", "two\n").await;
    let long = "x".repeat(1 << 20);
    write(&mut streams, &format!("say {long}\n")).await;
    read(&mut streams, &format!("{long}\n"), "").await;
    held.removed().await;
}

async fn the_end_of_stdin_is_an_end(subject: Subject) {
    let held = subject.create(&name("stdin")).await.unwrap();
    let mut streams = held.started().await;
    streams.input.shutdown().await.unwrap();
    assert!(streams.output.next().await.is_none(), "there was something to read");
    held.engine.ended(&held.id).await.unwrap();
    assert_eq!(held.state().await, (false, 0, false));
    held.removed().await;
}

async fn how_it_ended_is_told(subject: Subject) {
    let held = subject.create(&name("ends")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "say one\n").await;
    read(&mut streams, "one\n", "").await;
    assert!(held.state().await.0, "it runs");
    write(&mut streams, "exit 7\n").await;
    held.engine.ended(&held.id).await.unwrap();
    assert!(streams.output.next().await.is_none(), "there was something to read");
    assert_eq!(held.state().await, (false, 7, false));
    check_status(held.engine.kill(&held.id).await, 409);
    held.removed().await;
}

async fn a_kill_ends_it(subject: Subject) {
    let held = subject.create(&name("kills")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "flood\n").await;
    streams.output.next().await.expect("there is a flood").unwrap();
    drop(streams);
    held.engine.kill(&held.id).await.unwrap();
    held.engine.ended(&held.id).await.unwrap();
    assert_eq!(held.state().await, (false, 137, false));
    held.removed().await;
}

async fn what_is_removed_is_gone(subject: Subject) {
    let held = subject.create(&name("removal")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "say one\n").await;
    read(&mut streams, "one\n", "").await;
    let (engine, id) = (held.engine, held.id.clone());
    held.removed().await;
    assert!(streams.output.next().await.is_none(), "there was something to read");
    check_status(engine.inspect(&id).await, 404);
    check_status(engine.remove(&id).await, 404);
}

async fn what_is_not_there_is_404(subject: Subject) {
    let (engine, id) = (&subject.engine, "0123456789ab".repeat(5) + "0123");
    check_status(engine.start(&id).await, 404);
    check_status(engine.attach(&id).await.map(|_| ()), 404);
    check_status(engine.kill(&id).await, 404);
    check_status(engine.ended(&id).await, 404);
    check_status(engine.inspect(&id).await, 404);
    check_status(engine.remove(&id).await, 404);
    let image = format!("sha256:{}", "0".repeat(64));
    let without = Subject { engine: subject.engine, image };
    check_status(without.create(&name("images")).await.map(|_| ()), 404);
}

async fn only_the_dead_have_leftovers(subject: Subject) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let namespace = namespace.to_string_lossy().replace(|c: char| !c.is_ascii_digit(), "");
    let boot = read("/proc/sys/kernel/random/boot_id");
    let owner = |process: u32, boot: &str| {
        format!("{}/{boot}/{namespace}/{process}/1", read("/etc/machine-id"))
    };
    // Process 1 of this machine was started at another time, and there is no process of the last number.
    let (dead, of_another_boot) = (owner(u32::MAX, &boot), owner(u32::MAX, "another"));
    let elsewhere = dead.replacen(|_| true, "x", 1);
    let mut held = Vec::new();
    for owner in [&dead, &of_another_boot, &elsewhere, &"nobody".to_owned()] {
        held.push(subject.create_with(&name("owners"), ("arena.owner", owner)).await.unwrap());
    }
    let leftovers = sandbox::remove_leftovers(&*subject.engine).await.unwrap();
    let found = held.iter().map(|held| {
        let of_it = leftovers.iter().find(|leftover| held.id.starts_with(&leftover.container));
        of_it.map(|leftover| leftover.removed)
    });
    assert_eq!(found.collect::<Vec<_>>(), [Some(true), Some(true), Some(false), Some(false)]);
    for (held, there) in held.into_iter().zip([false, false, true, true]) {
        assert_eq!(subject.engine.inspect(&held.id).await.is_ok(), there);
        let _ = subject.engine.remove(&held.id).await;
    }
}
