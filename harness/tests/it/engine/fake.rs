//! Containers in memory: an [`Engine`] that passes the same conformance checks as Docker, and of which any
//! single request can be made to fail.
//!
//! It has what the sandbox requires: unique names, a life from created to removed, labels, streams
//! with back pressure, and a process 1, which here is a future.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerCreateResponse, ContainerState, ContainerStateStatusEnum,
    ContainerSummary,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use harness::sandbox::{Engine, EngineReply};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, watch};

/// How much of stdin a container takes before it is read, in bytes, as a pipe does.
const PIPE_BYTES: usize = 1 << 16;
/// How many pieces of output a container may be ahead of its reader.
const PIECES: usize = 16;

/// Process 1 of every container of an engine.
pub type ContainerProgram =
    Arc<dyn Fn(ContainerStreams) -> BoxFuture<'static, ProcessExit> + Send + Sync>;

/// The standard streams of a process 1, from its side.
pub struct ContainerStreams {
    pub input: DuplexStream,
    output: mpsc::Sender<Result<LogOutput, Error>>,
}

impl ContainerStreams {
    pub async fn print(&self, text: impl Into<Bytes>) {
        // Without an attached reader, the daemon drops output.
        let _ = self.output.send(Ok(LogOutput::StdOut { message: text.into() })).await;
    }

    pub async fn complain(&self, text: impl Into<Bytes>) {
        let _ = self.output.send(Ok(LogOutput::StdErr { message: text.into() })).await;
    }
}

/// How a process 1 ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessExit {
    pub status: i64,
    pub out_of_memory: bool,
}

impl ProcessExit {
    pub const KILLED: Self = Self { status: 137, out_of_memory: false };
    pub const OUT_OF_MEMORY: Self = Self { status: 137, out_of_memory: true };

    pub const fn exit(status: i64) -> Self {
        Self { status, out_of_memory: false }
    }
}

/// A request to an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineRequest {
    Create,
    Attach,
    Start,
    Kill,
    Ended,
    Inspect,
    Remove,
    List,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedFailure {
    /// The daemon refuses, with this HTTP status.
    Refused(u16),
    /// The connection breaks before the daemon gets the request.
    Broken,
    /// The daemon carries the request out, and the connection breaks before its answer.
    Lost,
    /// The daemon never answers.
    Silent,
}

/// An engine whose containers are in memory. Clones are the same engine.
#[derive(Clone)]
pub struct FakeEngine {
    program: ContainerProgram,
    state: Arc<Mutex<EngineState>>,
}

#[derive(Default)]
struct EngineState {
    made: u64,
    containers: BTreeMap<String, FakeContainer>,
    /// For each request, how often it will fail, and how
    planned: BTreeMap<EngineRequest, (usize, PlannedFailure)>,
    /// How often each was made
    made_requests: BTreeMap<EngineRequest, usize>,
    /// The warning in the answer to every creation
    warning: Option<String>,
}

struct FakeContainer {
    name: String,
    labels: BTreeMap<String, String>,
    life: watch::Sender<ContainerLife>,
    /// The streams of a process 1 that is not started yet
    streams: Option<ContainerStreams>,
    /// The other ends, until a reader attaches
    ends: Option<AttachContainerResults>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContainerLife {
    Created,
    Running,
    /// It is to end by SIGKILL.
    Killed,
    Ended(ProcessExit),
}

impl FakeEngine {
    /// The id of the only image.
    pub const IMAGE: &str = "sha256:fake";

    pub fn new(program: ContainerProgram) -> Self {
        Self { program, state: Arc::default() }
    }

    /// Makes the next `times` of these requests fail.
    pub fn plan(&self, request: EngineRequest, times: usize, failure: PlannedFailure) {
        self.state.lock().unwrap().planned.insert(request, (times, failure));
    }

    /// Adds this warning to the answer to every later creation.
    pub fn warn(&self, warning: &str) {
        self.state.lock().unwrap().warning = Some(warning.to_owned());
    }

    /// How often this request was made.
    pub fn requests(&self, request: EngineRequest) -> usize {
        self.state.lock().unwrap().made_requests.get(&request).copied().unwrap_or(0)
    }

    /// The names of the existing containers.
    pub fn names(&self) -> Vec<String> {
        self.state.lock().unwrap().containers.values().map(|fake| fake.name.clone()).collect()
    }

    /// Carries out a request, or makes it fail if that was planned.
    fn carry_out<'a, T: Send + 'a>(
        &'a self,
        request: EngineRequest,
        work: impl FnOnce(&mut EngineState) -> Result<T, Error> + Send + 'a,
    ) -> EngineReply<'a, T> {
        Box::pin(async move {
            let failure = {
                let mut state = self.state.lock().unwrap();
                *state.made_requests.entry(request).or_default() += 1;
                match state.planned.get_mut(&request) {
                    Some((times, failure)) if *times > 0 => {
                        *times -= 1;
                        Some(*failure)
                    }
                    _ => None,
                }
            };
            let broken = || Error::IOError { err: io::ErrorKind::ConnectionReset.into() };
            match failure {
                None => work(&mut self.state.lock().unwrap()),
                Some(PlannedFailure::Refused(status)) => Err(refusal(status, "planned")),
                Some(PlannedFailure::Broken) => Err(broken()),
                Some(PlannedFailure::Lost) => {
                    work(&mut self.state.lock().unwrap())?;
                    Err(broken())
                }
                Some(PlannedFailure::Silent) => std::future::pending().await,
            }
        })
    }
}

impl EngineState {
    fn find(&mut self, id: &str) -> Result<&mut FakeContainer, Error> {
        self.containers.get_mut(id).ok_or_else(|| refusal(404, "no such container"))
    }

    fn create(
        &mut self,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<ContainerCreateResponse, Error> {
        if body.image.as_deref() != Some(FakeEngine::IMAGE) {
            return Err(refusal(404, "no such image"));
        }
        if self.containers.values().any(|fake| fake.name == name) {
            return Err(refusal(409, "the name exists"));
        }
        self.made += 1;
        // The first twelve digits are unique, as in Docker.
        let id = format!("{:012x}{:052x}", self.made, 0);
        let (stdin, input) = duplex(PIPE_BYTES);
        let (output, pieces) = mpsc::channel(PIECES);
        let pieces =
            stream::unfold(pieces, |mut pieces| async { Some((pieces.recv().await?, pieces)) });
        let fake = FakeContainer {
            name: name.to_owned(),
            labels: body.labels.unwrap_or_default().into_iter().collect(),
            life: watch::Sender::new(ContainerLife::Created),
            streams: Some(ContainerStreams { input, output }),
            ends: Some(AttachContainerResults { output: Box::pin(pieces), input: Box::pin(stdin) }),
        };
        self.containers.insert(id.clone(), fake);
        Ok(ContainerCreateResponse { id, warnings: self.warning.iter().cloned().collect() })
    }

    fn start(&mut self, id: &str, program: &ContainerProgram) -> Result<(), Error> {
        let fake = self.find(id)?;
        let Some(streams) = fake.streams.take() else {
            return Err(refusal(409, "it was started before"));
        };
        fake.life.send_replace(ContainerLife::Running);
        let (running, life) = (program(streams), fake.life.clone());
        tokio::spawn(async move {
            let mut changes = life.subscribe();
            let end = tokio::select! {
                end = running => end,
                _ = changes.wait_for(|life| *life == ContainerLife::Killed) => ProcessExit::KILLED,
            };
            life.send_replace(ContainerLife::Ended(end));
        });
        Ok(())
    }

    fn kill(&mut self, id: &str) -> Result<(), Error> {
        let life = &self.find(id)?.life;
        let kills = |life: &mut ContainerLife| {
            let runs = matches!(life, ContainerLife::Running | ContainerLife::Killed);
            if runs {
                *life = ContainerLife::Killed;
            }
            runs
        };
        if life.send_if_modified(kills) { Ok(()) } else { Err(refusal(409, "it is not running")) }
    }
}

impl Engine for FakeEngine {
    fn create<'a>(
        &'a self,
        name: &'a str,
        body: ContainerCreateBody,
    ) -> EngineReply<'a, ContainerCreateResponse> {
        self.carry_out(EngineRequest::Create, |state| state.create(name, body))
    }

    fn attach<'a>(&'a self, id: &'a str) -> EngineReply<'a, AttachContainerResults> {
        self.carry_out(EngineRequest::Attach, |state| {
            state.find(id)?.ends.take().ok_or_else(|| refusal(409, "a reader is attached already"))
        })
    }

    fn start<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        self.carry_out(EngineRequest::Start, |state| state.start(id, &self.program))
    }

    fn kill<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        self.carry_out(EngineRequest::Kill, |state| state.kill(id))
    }

    fn ended<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        Box::pin(async move {
            let find = |state: &mut EngineState| Ok(state.find(id)?.life.subscribe());
            let mut life = self.carry_out(EngineRequest::Ended, find).await?;
            let over = |life: &ContainerLife| {
                matches!(life, ContainerLife::Created | ContainerLife::Ended(_))
            };
            // A container that is removed meanwhile has ended as well.
            let _ = life.wait_for(over).await;
            Ok(())
        })
    }

    fn inspect<'a>(&'a self, id: &'a str) -> EngineReply<'a, ContainerState> {
        self.carry_out(EngineRequest::Inspect, |state| {
            let life = *state.find(id)?.life.borrow();
            let (status, end) = match life {
                ContainerLife::Created => (ContainerStateStatusEnum::CREATED, None),
                ContainerLife::Running | ContainerLife::Killed => {
                    (ContainerStateStatusEnum::RUNNING, None)
                }
                ContainerLife::Ended(end) => (ContainerStateStatusEnum::EXITED, Some(end)),
            };
            Ok(ContainerState {
                status: Some(status),
                running: Some(status == ContainerStateStatusEnum::RUNNING),
                exit_code: Some(end.map_or(0, |end| end.status)),
                oom_killed: Some(end.is_some_and(|end| end.out_of_memory)),
                ..Default::default()
            })
        })
    }

    fn remove<'a>(&'a self, id: &'a str) -> EngineReply<'a, ()> {
        self.carry_out(EngineRequest::Remove, |state| {
            let _ = state.kill(id);
            state.find(id)?;
            state.containers.remove(id);
            Ok(())
        })
    }

    fn list<'a>(&'a self, label: &'a str) -> EngineReply<'a, Vec<ContainerSummary>> {
        self.carry_out(EngineRequest::List, move |state| {
            let (key, value) = label.split_once('=').map_or((label, None), |(k, v)| (k, Some(v)));
            let has = |fake: &FakeContainer| {
                let found = fake.labels.get(key);
                found.is_some_and(|found| value.is_none_or(|value| value == found))
            };
            let summary = |(id, fake): (&String, &FakeContainer)| ContainerSummary {
                id: Some(id.clone()),
                labels: Some(fake.labels.clone().into_iter().collect()),
                ..Default::default()
            };
            Ok(state.containers.iter().filter(|(_, fake)| has(fake)).map(summary).collect())
        })
    }
}

fn refusal(status_code: u16, message: &str) -> Error {
    Error::DockerResponseServerError { status_code, message: message.to_owned() }
}
