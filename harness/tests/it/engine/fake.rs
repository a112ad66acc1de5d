//! Containers in memory: an [`Engine`] that is held to the same conformance suite as Docker, and of which any
//! single request can be made to fail.
//!
//! It has what the sandbox relies on: names that are given once, a life from created to removed, labels, streams
//! that push back, and a process 1, which here is a future.

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
use harness::sandbox::{Engine, Reply};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, watch};

/// How much of stdin a container takes before anybody reads it, in bytes, as a pipe does.
const PIPE_BYTES: usize = 1 << 16;
/// How many pieces of output a container may be ahead of its reader.
const PIECES: usize = 16;

/// Process 1 of every container of an engine.
pub type Program = Arc<dyn Fn(Streams) -> BoxFuture<'static, End> + Send + Sync>;

/// The standard streams of a process 1, from its side.
pub struct Streams {
    pub input: DuplexStream,
    output: mpsc::Sender<Result<LogOutput, Error>>,
}

impl Streams {
    pub async fn print(&self, text: impl Into<Bytes>) {
        // Once nobody is attached, the daemon throws output away.
        let _ = self.output.send(Ok(LogOutput::StdOut { message: text.into() })).await;
    }

    pub async fn complain(&self, text: impl Into<Bytes>) {
        let _ = self.output.send(Ok(LogOutput::StdErr { message: text.into() })).await;
    }
}

/// How a process 1 ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub status: i64,
    pub out_of_memory: bool,
}

impl End {
    pub const KILLED: Self = Self { status: 137, out_of_memory: false };
    pub const OUT_OF_MEMORY: Self = Self { status: 137, out_of_memory: true };

    pub const fn exit(status: i64) -> Self {
        Self { status, out_of_memory: false }
    }
}

/// What is asked of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Request {
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
pub enum Failure {
    /// The daemon refuses, with this HTTP status.
    Refused(u16),
    /// The connection breaks before the daemon has heard of it.
    Broken,
    /// The daemon does it, and the connection breaks before its answer.
    Lost,
    /// The daemon never answers.
    Silent,
}

/// An engine whose containers are in memory. Clones are the same engine.
#[derive(Clone)]
pub struct FakeEngine {
    program: Program,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    made: u64,
    containers: BTreeMap<String, Fake>,
    /// For each request, how often it fails from now on, and how
    planned: BTreeMap<Request, (usize, Failure)>,
    /// How often each was asked
    asked: BTreeMap<Request, usize>,
    /// The warning that comes with every container that is created
    warning: Option<String>,
}

struct Fake {
    name: String,
    labels: BTreeMap<String, String>,
    life: watch::Sender<Life>,
    /// The streams of a process 1 that was not started
    streams: Option<Streams>,
    /// The other ends, until somebody attaches
    ends: Option<AttachContainerResults>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Created,
    Running,
    /// It is to end by SIGKILL.
    Killed,
    Ended(End),
}

impl FakeEngine {
    /// The id of the one image that there is.
    pub const IMAGE: &str = "sha256:fake";

    pub fn new(program: Program) -> Self {
        Self { program, state: Arc::default() }
    }

    /// Lets the next `times` of these requests fail.
    pub fn plan(&self, request: Request, times: usize, failure: Failure) {
        self.state.lock().unwrap().planned.insert(request, (times, failure));
    }

    /// Every container that is created from now on comes with this warning.
    pub fn warn(&self, warning: &str) {
        self.state.lock().unwrap().warning = Some(warning.to_owned());
    }

    /// How often this was asked.
    pub fn asked(&self, request: Request) -> usize {
        self.state.lock().unwrap().asked.get(&request).copied().unwrap_or(0)
    }

    /// The names of the containers that there are.
    pub fn names(&self) -> Vec<String> {
        self.state.lock().unwrap().containers.values().map(|fake| fake.name.clone()).collect()
    }

    /// Carries out a request, or lets it fail if that was planned.
    fn carry_out<'a, T: Send + 'a>(
        &'a self,
        request: Request,
        work: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'a,
    ) -> Reply<'a, T> {
        Box::pin(async move {
            let failure = {
                let mut state = self.state.lock().unwrap();
                *state.asked.entry(request).or_default() += 1;
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
                Some(Failure::Refused(status)) => Err(refusal(status, "it was planned")),
                Some(Failure::Broken) => Err(broken()),
                Some(Failure::Lost) => {
                    work(&mut self.state.lock().unwrap())?;
                    Err(broken())
                }
                Some(Failure::Silent) => std::future::pending().await,
            }
        })
    }
}

impl State {
    fn find(&mut self, id: &str) -> Result<&mut Fake, Error> {
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
            return Err(refusal(409, "the name is taken"));
        }
        self.made += 1;
        // The first twelve digits tell containers apart, as they do for people.
        let id = format!("{:012x}{:052x}", self.made, 0);
        let (stdin, input) = duplex(PIPE_BYTES);
        let (output, pieces) = mpsc::channel(PIECES);
        let pieces =
            stream::unfold(pieces, |mut pieces| async { Some((pieces.recv().await?, pieces)) });
        let fake = Fake {
            name: name.to_owned(),
            labels: body.labels.unwrap_or_default().into_iter().collect(),
            life: watch::Sender::new(Life::Created),
            streams: Some(Streams { input, output }),
            ends: Some(AttachContainerResults { output: Box::pin(pieces), input: Box::pin(stdin) }),
        };
        self.containers.insert(id.clone(), fake);
        Ok(ContainerCreateResponse { id, warnings: self.warning.iter().cloned().collect() })
    }

    fn start(&mut self, id: &str, program: &Program) -> Result<(), Error> {
        let fake = self.find(id)?;
        let Some(streams) = fake.streams.take() else {
            return Err(refusal(409, "it was started before"));
        };
        fake.life.send_replace(Life::Running);
        let (running, life) = (program(streams), fake.life.clone());
        tokio::spawn(async move {
            let mut changes = life.subscribe();
            let end = tokio::select! {
                end = running => end,
                _ = changes.wait_for(|life| *life == Life::Killed) => End::KILLED,
            };
            life.send_replace(Life::Ended(end));
        });
        Ok(())
    }

    fn kill(&mut self, id: &str) -> Result<(), Error> {
        let life = &self.find(id)?.life;
        let kills = |life: &mut Life| {
            let runs = matches!(life, Life::Running | Life::Killed);
            if runs {
                *life = Life::Killed;
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
    ) -> Reply<'a, ContainerCreateResponse> {
        self.carry_out(Request::Create, |state| state.create(name, body))
    }

    fn attach<'a>(&'a self, id: &'a str) -> Reply<'a, AttachContainerResults> {
        self.carry_out(Request::Attach, |state| {
            state.find(id)?.ends.take().ok_or_else(|| refusal(409, "somebody is attached"))
        })
    }

    fn start<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        self.carry_out(Request::Start, |state| state.start(id, &self.program))
    }

    fn kill<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        self.carry_out(Request::Kill, |state| state.kill(id))
    }

    fn ended<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        Box::pin(async move {
            let find = |state: &mut State| Ok(state.find(id)?.life.subscribe());
            let mut life = self.carry_out(Request::Ended, find).await?;
            let over = |life: &Life| matches!(life, Life::Created | Life::Ended(_));
            // That it is removed meanwhile is as good.
            let _ = life.wait_for(over).await;
            Ok(())
        })
    }

    fn inspect<'a>(&'a self, id: &'a str) -> Reply<'a, ContainerState> {
        self.carry_out(Request::Inspect, |state| {
            let life = *state.find(id)?.life.borrow();
            let (status, end) = match life {
                Life::Created => (ContainerStateStatusEnum::CREATED, None),
                Life::Running | Life::Killed => (ContainerStateStatusEnum::RUNNING, None),
                Life::Ended(end) => (ContainerStateStatusEnum::EXITED, Some(end)),
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

    fn remove<'a>(&'a self, id: &'a str) -> Reply<'a, ()> {
        self.carry_out(Request::Remove, |state| {
            let _ = state.kill(id);
            state.find(id)?;
            state.containers.remove(id);
            Ok(())
        })
    }

    fn list<'a>(&'a self, label: &'a str) -> Reply<'a, Vec<ContainerSummary>> {
        self.carry_out(Request::List, move |state| {
            let (key, value) = label.split_once('=').map_or((label, None), |(k, v)| (k, Some(v)));
            let has = |fake: &Fake| {
                let found = fake.labels.get(key);
                found.is_some_and(|found| value.is_none_or(|value| value == found))
            };
            let summary = |(id, fake): (&String, &Fake)| ContainerSummary {
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
