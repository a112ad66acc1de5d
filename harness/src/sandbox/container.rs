//! One container: started, spoken to over its attached streams, and removed whatever happens.
//!
//! Bind mounts and archive endpoints are not used. The driver goes in as an argument, agents and
//! inputs over stdin, so a remote daemon works like a local one and the host never opens a path that an
//! agent could write.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bytes::{Buf as _, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tasks::{Input, Limits};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::context::SandboxContext;
use super::create::create;
use super::daemon::ask;
use super::owner;
use super::protocol::{
    AgentRun, CallEnd, CallsRun, DRIVER_TAG, DriverMessage, LoadOutcome, MakeCalls, ProcessEnd,
    REFUSAL_TAG, ResourceUsage, RunAgent, StopCalls, TerminationReason,
};
use crate::Fault;

/// Exit status of a container whose process 1 was ended by SIGKILL.
const KILLED: i64 = 128 + 9;
/// How long Docker may take, after a container's streams ended, to know how the container ended.
const END_SECONDS: u64 = 10;
/// How long a container may take to be ready. Starting is slow on a starved machine.
const START_SECONDS: u64 = 120;
/// How much longer than the driver's own deadline the host waits for a message. The driver needs a
/// moment to kill and to reap; the rest is for a busy machine.
const GRACE_SECONDS: u64 = 15;
/// Largest message of a driver, apart from what it quotes, in bytes.
const MESSAGE_BYTES: u64 = 4096;
/// How much of a driver's stderr is kept, in bytes: enough for a traceback.
const DRIVER_ERRORS_BYTES: usize = 4096;
/// A container whose time was up counts as starved if the machine kept it from running for half of that time
/// (1 / `STARVED_SHARE`). An agent that needs at most half of a limit on a quiet machine therefore never exceeds it on
/// a busy one, and references need a third at most.
const STARVED_SHARE: u64 = 2;

type OutputStream = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// A running container with its driver at the other end of the line.
pub struct Container {
    context: Arc<SandboxContext>,
    id: String,
    output: OutputStream,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    unread: BytesMut,
    /// Largest frame that the present command may bring, in bytes.
    frame_bytes: u64,
    errors: Vec<u8>,
    /// Whether the kernel ended its driver because the container ran out of memory.
    out_of_memory: bool,
}

/// An answer to load and the calls to make.
#[derive(Clone, Copy)]
pub struct CallPlan<'a> {
    /// The answer
    pub source: &'a str,
    /// The function or class that is called
    pub entry_point: &'a str,
    /// The inputs, in the order of the calls
    pub calls: &'a [Input<'a>],
    /// Limits of the calls
    pub limits: &'a Limits,
}

/// When the driver must have answered, and after how many seconds that is.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    seconds: u64,
}

impl Deadline {
    fn after(seconds: u64) -> Self {
        Self { at: Instant::now() + Duration::from_secs(seconds), seconds }
    }

    /// The deadline of a driver that has `wall_ms` for its work.
    fn of_work(wall_ms: u64) -> Self {
        Self::after(wall_ms.div_ceil(1000) + GRACE_SECONDS)
    }
}

impl Container {
    /// Creates and starts a container, and waits until its driver is ready.
    pub(super) async fn start(context: &Arc<SandboxContext>) -> Result<Self, Fault> {
        let created = create(context).await?;
        match Self::start_created(context, &created.id, &created.warnings).await {
            Ok(container) => Ok(container),
            Err(fault) => {
                // The first fault is the one to report; a container that stays is found by its label.
                let _ = owner::remove(context.engine(), &created.id).await;
                Err(fault)
            }
        }
    }

    async fn start_created(
        context: &Arc<SandboxContext>,
        id: &str,
        warnings: &[String],
    ) -> Result<Self, Fault> {
        if let Some(warning) = warnings.first() {
            return Err(Fault::LimitDropped(warning.clone()));
        }
        let engine = context.engine();
        let AttachContainerResults { output, input } =
            ask("attach to a container", engine.attach(id)).await?;
        let mut container = Self {
            context: Arc::clone(context),
            id: id.to_owned(),
            output,
            input,
            unread: BytesMut::new(),
            frame_bytes: MESSAGE_BYTES,
            errors: Vec::new(),
            out_of_memory: false,
        };
        ask("start a container", engine.start(id)).await?;
        match container.message(Deadline::after(START_SECONDS)).await? {
            DriverMessage::Ready { python } if python.starts_with("3.11.") => Ok(container),
            DriverMessage::Ready { python } => {
                let image = &context.spec.image.reference;
                Err(Fault::Image(format!("{image} has Python {python}; expected 3.11")))
            }
            _ => Err(container.broke_protocol("it did not begin with 'ready'")),
        }
    }

    /// Runs `python agent.py --task PROMPT` with this source.
    pub async fn run_agent(
        &mut self,
        source: &str,
        prompt: &str,
        limits: &Limits,
    ) -> Result<AgentRun, Fault> {
        let deadline = Deadline::of_work(limits.agent_wall_ms);
        let command = RunAgent {
            agent: source,
            prompt,
            wall_ms: limits.agent_wall_ms,
            answer_bytes: limits.answer_bytes,
            stderr_bytes: limits.stderr_bytes,
        };
        // Every byte of an answer or of stderr takes up to six in JSON.
        self.frame_bytes = 6 * (limits.answer_bytes + limits.stderr_bytes) + MESSAGE_BYTES;
        self.send(deadline, &command).await?;
        match self.message(deadline).await {
            Ok(DriverMessage::Answer(answer)) => {
                self.check_not_starved(answer.starved_ms, limits.agent_wall_ms)?;
                Ok(answer.into())
            }
            Ok(_) => Err(self.broke_protocol("it did not report the agent's run")),
            Err(_) if self.out_of_memory => Ok(AgentRun::out_of_memory()),
            Err(fault) => Err(fault),
        }
    }

    /// Loads an answer and calls its entry point with each of the inputs. `on_end` gets the end of every call as soon
    /// as it is known, in the order of the calls, so that the values of a trial need not be kept; on a break no more
    /// calls are made.
    pub async fn make_calls(
        &mut self,
        plan: CallPlan<'_>,
        mut on_end: impl FnMut(CallEnd) -> ControlFlow<()>,
    ) -> Result<CallsRun, Fault> {
        let CallPlan { source, entry_point, calls, limits } = plan;
        let deadline = Deadline::of_work(limits.calls_wall_ms);
        let command = MakeCalls {
            source,
            entry_point,
            calls,
            call_cpu_ms: limits.call_cpu_ms,
            wall_ms: limits.calls_wall_ms,
            value_bytes: limits.value_bytes,
            values_bytes: limits.values_bytes,
        };
        self.frame_bytes = limits.value_bytes + MESSAGE_BYTES;
        self.send(deadline, &command).await?;
        let (mut ended, mut stopped) = (0, false);
        let mut load = LoadOutcome::Ready;
        loop {
            let (tag, payload) = match self.frame(deadline).await {
                Ok(frame) => frame,
                Err(_) if self.out_of_memory => return Ok(out_of_memory(load, ended)),
                Err(fault) => return Err(fault),
            };
            let end = match tag {
                DRIVER_TAG => match self.parse(&payload)? {
                    DriverMessage::LoadEnded(end) => {
                        load = LoadOutcome::Ended(end);
                        continue;
                    }
                    DriverMessage::Ended { index, end } if index == ended => CallEnd::Ended(end),
                    DriverMessage::Done { clean, starved_ms, usage } => {
                        self.check_not_starved(starved_ms, limits.calls_wall_ms)?;
                        return Ok(CallsRun { load, rest: CallEnd::NotMade, clean, usage });
                    }
                    _ => return Err(self.broke_protocol("it sent a message out of turn")),
                },
                REFUSAL_TAG => {
                    load = LoadOutcome::read_refusal(&payload);
                    continue;
                }
                index if index as usize == ended && ended < calls.len() => CallEnd::read(&payload),
                _ => return Err(self.broke_protocol("it sent an outcome out of turn")),
            };
            ended += 1;
            // Calls that were in progress when the rest was stopped still end; their outcomes are ignored.
            if !stopped && on_end(end).is_break() {
                stopped = true;
                self.send(deadline, &StopCalls { stop: true }).await?;
            }
        }
    }

    /// Removes the container: the streams first, then the processes, then the rest. A reader that has
    /// stopped reading can block a kill, so nothing may be attached any more when it comes.
    pub async fn remove(self) -> Result<(), Fault> {
        let Self { context, id, output, input, .. } = self;
        drop((output, input));
        let engine = context.engine();
        // A container that has ended cannot be killed, which is fine; removal by force kills as well.
        let _ = ask("kill a container", engine.kill(&id)).await;
        owner::remove(engine, &id).await
    }

    /// The first digits of the container's id, as Docker prints them.
    pub fn short_id(&self) -> &str {
        &self.id[..12]
    }

    async fn send(&mut self, deadline: Deadline, command: &impl Serialize) -> Result<(), Fault> {
        let body = serde_json::to_vec(command).expect("commands are plain data");
        let length = u32::try_from(body.len()).expect("commands are far smaller than 4 GiB");
        let sending = async {
            self.input.write_all(&length.to_be_bytes()).await?;
            self.input.write_all(&body).await?;
            self.input.flush().await
        };
        match timeout_at(deadline.at, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone().await),
            Err(_) => Err(self.silent(deadline.seconds)),
        }
    }

    async fn message(&mut self, deadline: Deadline) -> Result<DriverMessage, Fault> {
        match self.frame(deadline).await? {
            (DRIVER_TAG, payload) => self.parse(&payload),
            _ => Err(self.broke_protocol("an outcome came before any call")),
        }
    }

    fn parse(&self, payload: &[u8]) -> Result<DriverMessage, Fault> {
        serde_json::from_slice(payload).map_err(|error| self.broke_protocol(&error.to_string()))
    }

    /// The next frame: its tag and its payload.
    async fn frame(&mut self, deadline: Deadline) -> Result<(u32, BytesMut), Fault> {
        loop {
            if self.unread.len() >= 8 {
                let length = u32::from_be_bytes(self.unread[..4].try_into().expect("four bytes"));
                if length < 4 || u64::from(length) > self.frame_bytes {
                    return Err(self.broke_protocol("a frame has an impossible length"));
                }
                if self.unread.len() >= 4 + length as usize {
                    self.unread.advance(4);
                    let tag = self.unread.get_u32();
                    return Ok((tag, self.unread.split_to(length as usize - 4)));
                }
            }
            match timeout_at(deadline.at, self.output.next()).await {
                Ok(Some(Ok(LogOutput::StdOut { message }))) => self.unread.extend(&message),
                Ok(Some(Ok(other))) => {
                    self.errors.extend(other.into_bytes());
                    let excess = self.errors.len().saturating_sub(DRIVER_ERRORS_BYTES);
                    self.errors.drain(..excess);
                }
                Ok(Some(Err(_)) | None) => return Err(self.gone().await),
                Err(_) => return Err(self.silent(deadline.seconds)),
            }
        }
    }

    /// The fault of a container whose streams ended. If the kernel ended its driver because memory ran out, that
    /// is noted: it is not a fault of the arena, because nearly all memory in the container is the agent's.
    async fn gone(&mut self) -> Fault {
        let engine = self.context.engine();
        // The streams may end a moment before Docker knows why.
        let _ = timeout(Duration::from_secs(END_SECONDS), engine.ended(&self.id)).await;
        let status = match ask("inspect a container", engine.inspect(&self.id)).await {
            Ok(state) => {
                self.out_of_memory =
                    state.oom_killed == Some(true) && state.exit_code == Some(KILLED);
                let oom = if state.oom_killed == Some(true) { ", out of memory" } else { "" };
                let status = state.status.map(|status| status.to_string()).unwrap_or_default();
                format!("{status}, exit {}{oom}", state.exit_code.unwrap_or_default())
            }
            Err(fault) => fault.to_string(),
        };
        let errors = String::from_utf8_lossy(&self.errors);
        let last = errors.trim_end().lines().last().unwrap_or_default();
        let errors = if last.is_empty() { String::new() } else { format!(": {last}") };
        Fault::ContainerGone { container: self.short_id().to_owned(), status, errors }
    }

    /// Returns a fault if a large part of the time of a container was up because the machine did not let it run.
    fn check_not_starved(&self, starved_ms: u64, wall_ms: u64) -> Result<(), Fault> {
        if starved_ms * STARVED_SHARE < wall_ms {
            return Ok(());
        }
        let container = self.short_id().to_owned();
        // A driver that was starved as well has noticed late that the time was up.
        let starved_ms = starved_ms.min(wall_ms);
        Err(Fault::Starved { container, starved_ms, wall_ms })
    }

    fn silent(&self, seconds: u64) -> Fault {
        Fault::DriverSilent { container: self.short_id().to_owned(), seconds }
    }

    fn broke_protocol(&self, what: &str) -> Fault {
        Fault::Protocol { container: self.short_id().to_owned(), what: what.to_owned() }
    }
}

/// The result of calls in a container that ran out of memory so far that its driver was ended. The `ended` calls
/// keep their outcomes.
fn out_of_memory(load: LoadOutcome, ended: usize) -> CallsRun {
    let end = ProcessEnd { why: TerminationReason::Memory, exit: None, signal: Some(9) };
    let load = if ended == 0 { LoadOutcome::Ended(end) } else { load };
    CallsRun { load, rest: CallEnd::Ended(end), clean: false, usage: ResourceUsage::default() }
}
