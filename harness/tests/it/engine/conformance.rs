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
use crate::machine;

/// An engine under test, and the image that it has.
struct ConformanceSubject {
    engine: Box<dyn Engine>,
    image: String,
}

type ConformanceCheck = fn(ConformanceSubject) -> BoxFuture<'static, ()>;

/// Every check, by its name.
const CHECKS: [(&str, ConformanceCheck); 9] = [
    ("containers are listed by their labels", |s| Box::pin(is_listed_by_its_labels(s))),
    ("names are unique", |s| Box::pin(names_are_unique(s))),
    ("streams go both ways and stay apart", |s| Box::pin(streams_go_both_ways(s))),
    ("the end of stdin ends process 1", |s| Box::pin(end_of_stdin_ends_process_1(s))),
    ("the exit status is reported", |s| Box::pin(exit_status_is_reported(s))),
    ("a kill works without a reader", |s| Box::pin(kill_works_without_a_reader(s))),
    ("a removed container is gone", |s| Box::pin(removed_container_is_gone(s))),
    ("an unknown container is 404", |s| Box::pin(unknown_container_is_404(s))),
    ("only containers of dead owners are removed", |s| {
        Box::pin(only_dead_owners_lose_containers(s))
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn docker_conforms() {
    let _shared = machine::shared().await;
    let docker = sandbox::connect().await.expect("these tests need a Docker daemon");
    let options =
        SandboxSettings { image: std::env::var("ARENA_IMAGE").ok(), ..SandboxSettings::default() };
    let opened = sandbox::open(&options, &|_| ()).await.expect("an image to run agents in");
    for (name, check) in CHECKS {
        println!("{name}");
        let image = opened.image().id.clone();
        check(ConformanceSubject { engine: Box::new(docker.clone()), image }).await;
    }
}

#[tokio::test]
async fn engine_in_memory_conforms() {
    for (name, check) in CHECKS {
        println!("{name}");
        let engine = FakeEngine::new(peer::echo());
        check(ConformanceSubject { engine: Box::new(engine), image: FakeEngine::IMAGE.to_owned() })
            .await;
    }
}

/// A container of a check, removed at its end.
struct TestContainer<'a> {
    engine: &'a dyn Engine,
    id: String,
}

impl ConformanceSubject {
    /// A container whose process 1 echoes. Its name and its label name the check.
    async fn create(&self, name: &str) -> Result<TestContainer<'_>, Error> {
        self.create_with(name, ("arena.test", name)).await
    }

    async fn create_with(
        &self,
        name: &str,
        label: (&str, &str),
    ) -> Result<TestContainer<'_>, Error> {
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
        Ok(TestContainer { engine: &*self.engine, id: created.id })
    }
}

impl TestContainer<'_> {
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

/// A unique name.
fn name(check: &str) -> String {
    format!("arena-test-{check}-{:x}", rand::random::<u64>())
}

#[track_caller]
fn check_status<T>(reply: Result<T, Error>, expected: u16) {
    match reply {
        Err(Error::DockerResponseServerError { status_code, .. }) => {
            assert_eq!(status_code, expected);
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it succeeded; expected {expected}"),
    }
}

/// Reads from a container until both of its streams have delivered this much.
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

async fn is_listed_by_its_labels(subject: ConformanceSubject) {
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

async fn names_are_unique(subject: ConformanceSubject) {
    let name = name("names");
    let held = subject.create(&name).await.unwrap();
    check_status(subject.create(&name).await.map(|_| ()), 409);
    held.removed().await;
    subject.create(&name).await.expect("the name is free again").removed().await;
}

async fn streams_go_both_ways(subject: ConformanceSubject) {
    let held = subject.create(&name("streams")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "say one\ncomplain two\n").await;
    read(&mut streams, "one\n", "two\n").await;
    let long = "x".repeat(1 << 20);
    write(&mut streams, &format!("say {long}\n")).await;
    read(&mut streams, &format!("{long}\n"), "").await;
    held.removed().await;
}

async fn end_of_stdin_ends_process_1(subject: ConformanceSubject) {
    let held = subject.create(&name("stdin")).await.unwrap();
    let mut streams = held.started().await;
    streams.input.shutdown().await.unwrap();
    assert!(streams.output.next().await.is_none(), "there was more output");
    held.engine.ended(&held.id).await.unwrap();
    assert_eq!(held.state().await, (false, 0, false));
    held.removed().await;
}

async fn exit_status_is_reported(subject: ConformanceSubject) {
    let held = subject.create(&name("ends")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "say one\n").await;
    read(&mut streams, "one\n", "").await;
    assert!(held.state().await.0, "it does not run");
    write(&mut streams, "exit 7\n").await;
    held.engine.ended(&held.id).await.unwrap();
    assert!(streams.output.next().await.is_none(), "there was more output");
    assert_eq!(held.state().await, (false, 7, false));
    check_status(held.engine.kill(&held.id).await, 409);
    held.removed().await;
}

async fn kill_works_without_a_reader(subject: ConformanceSubject) {
    let held = subject.create(&name("kills")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "flood\n").await;
    streams.output.next().await.expect("there is output").unwrap();
    drop(streams);
    held.engine.kill(&held.id).await.unwrap();
    held.engine.ended(&held.id).await.unwrap();
    assert_eq!(held.state().await, (false, 137, false));
    held.removed().await;
}

async fn removed_container_is_gone(subject: ConformanceSubject) {
    let held = subject.create(&name("removal")).await.unwrap();
    let mut streams = held.started().await;
    write(&mut streams, "say one\n").await;
    read(&mut streams, "one\n", "").await;
    let (engine, id) = (held.engine, held.id.clone());
    held.removed().await;
    assert!(streams.output.next().await.is_none(), "there was more output");
    check_status(engine.inspect(&id).await, 404);
    check_status(engine.remove(&id).await, 404);
}

async fn unknown_container_is_404(subject: ConformanceSubject) {
    let (engine, id) = (&subject.engine, "0123456789ab".repeat(5) + "0123");
    check_status(engine.start(&id).await, 404);
    check_status(engine.attach(&id).await.map(|_| ()), 404);
    check_status(engine.kill(&id).await, 404);
    check_status(engine.ended(&id).await, 404);
    check_status(engine.inspect(&id).await, 404);
    check_status(engine.remove(&id).await, 404);
    let image = format!("sha256:{}", "0".repeat(64));
    let without = ConformanceSubject { engine: subject.engine, image };
    check_status(without.create(&name("images")).await.map(|_| ()), 404);
}

async fn only_dead_owners_lose_containers(subject: ConformanceSubject) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let namespace = namespace.to_string_lossy().replace(|c: char| !c.is_ascii_digit(), "");
    let boot = read("/proc/sys/kernel/random/boot_id");
    let owner = |process: u32, boot: &str| {
        format!("{}/{boot}/{namespace}/{process}/1", read("/etc/machine-id"))
    };
    // No process has the last process id.
    let (dead, of_another_boot) = (owner(u32::MAX, &boot), owner(u32::MAX, "another"));
    let elsewhere = dead.replacen(|_| true, "x", 1);
    let mut held = Vec::new();
    for owner in [&dead, &of_another_boot, &elsewhere, &"not an owner".to_owned()] {
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
