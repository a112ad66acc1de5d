//! One container: started, spoken to over its attached streams, and removed whatever happens.
//!
//! Bind mounts and archive endpoints are not used. The driver goes in as an argument, agents and
//! inputs over stdin, so a remote daemon works like a local one and the host never opens a path that an
//! agent could write.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bollard::container::AttachContainerResults;
use bytes::Bytes;
use serde::Serialize;
use tasks::Limits;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{timeout, timeout_at};

use super::calls::{CallPlan, CallsDone, CallsProgress, DriverLine, exchange};
use super::context::SandboxContext;
use super::create::create;
use super::daemon::ask;
use super::frames::{
    COMMAND_TAG, Deadline, FrameError, FrameReader, MESSAGE_BYTES, RELAY_TAG, frame_of, parse,
};
use super::owner;
use super::protocol::{
    AgentRun, CallEnd, CallsRun, DRIVER_TAG, DriverMessage, LoadOutcome, ProcessEnd, ResourceUsage,
    RunAgent, TerminationReason,
};
use super::relay::{ModelLine, Relay};
use crate::Fault;

/// Exit status of a container whose process 1 was ended by SIGKILL.
const KILLED: i64 = 128 + 9;
/// How long Docker may take, after a container's streams ended, to know how the container ended.
const END_SECONDS: u64 = 10;
/// How long a container may take to be ready. Starting is slow on a starved machine.
const START_SECONDS: u64 = 120;
/// A running container with its driver at the other end of the line.
pub struct Container {
    context: Arc<SandboxContext>,
    id: String,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    frames: FrameReader,
    /// Whether the kernel ended its driver because the container ran out of memory.
    out_of_memory: bool,
    /// Whether it was sent an input that the miner may not know.
    held_hidden: bool,
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
            input,
            frames: FrameReader::new(output),
            out_of_memory: false,
            held_hidden: false,
        };
        ask("start a container", engine.start(id)).await?;
        match container.message(&mut Deadline::after(START_SECONDS)).await? {
            DriverMessage::Ready { python } if python.starts_with("3.11.") => Ok(container),
            DriverMessage::Ready { python } => {
                let image = &context.spec.image.reference;
                Err(Fault::Image(format!("{image} has Python {python}; expected 3.11")))
            }
            _ => Err(container.broke_protocol("it did not begin with 'ready'")),
        }
    }

    /// Runs `python agent.py --task PROMPT` with this source, and with a socket that leads to its model, if it has one.
    /// Its connections have ended when this returns.
    pub async fn run_agent(
        &mut self,
        source: &str,
        prompt: &str,
        limits: &Limits,
        model: Option<&ModelLine>,
    ) -> Result<AgentRun, Fault> {
        let mut deadline = Deadline::of_work(limits.agent_wall_ms);
        let command = RunAgent {
            agent: source,
            prompt,
            wall_ms: limits.agent_wall_ms,
            answer_bytes: limits.answer_bytes,
            stderr_bytes: limits.stderr_bytes,
            model: model.is_some(),
        };
        // Every byte of an answer or of stderr takes up to six in JSON.
        self.frames.frame_bytes = 6 * (limits.answer_bytes + limits.stderr_bytes) + MESSAGE_BYTES;
        self.send(deadline, &command).await?;
        let message = match model {
            Some(model) => self.message_after_relaying(model, &mut deadline).await,
            None => self.message(&mut deadline).await,
        };
        match message {
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
        on_end: impl FnMut(CallEnd) -> ControlFlow<()>,
    ) -> Result<CallsRun, Fault> {
        let limits = plan.limits;
        let mut deadline = Deadline::of_work(limits.calls_wall_ms);
        let mut progress = CallsProgress::new(plan.calls.len());
        self.held_hidden |= plan.hidden;
        self.frames.frame_bytes = limits.value_bytes + MESSAGE_BYTES;
        let (input, frames) = (&mut self.input, &mut self.frames);
        let line = DriverLine { input, frames, deadline: &mut deadline };
        match exchange(line, plan, &mut progress, on_end).await {
            Ok(CallsDone { clean, starved_ms, slowest_call_ms, usage }) => {
                self.check_not_starved(starved_ms, limits.calls_wall_ms)?;
                let (load, rest) = (progress.load, CallEnd::NotMade);
                Ok(CallsRun { load, rest, clean, slowest_call_ms, usage })
            }
            Err(error) => match self.fault(error, deadline).await {
                _ if self.out_of_memory => Ok(out_of_memory(progress)),
                fault => Err(fault),
            },
        }
    }

    /// Whether the container was sent an input that the miner may not know.
    pub fn held_hidden(&self) -> bool {
        self.held_hidden
    }

    /// Removes the container: the streams first, then the processes, then the rest. A reader that has
    /// stopped reading can block a kill, so nothing may be attached any more when it comes.
    pub async fn remove(self) -> Result<(), Fault> {
        let Self { context, id, frames, input, .. } = self;
        drop((frames, input));
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
        let frame = frame_of(COMMAND_TAG, command);
        let sending = async {
            self.input.write_all(&frame).await?;
            self.input.flush().await
        };
        match timeout_at(deadline.at, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone().await),
            Err(_) => Err(self.silent(deadline.seconds)),
        }
    }

    /// The next message of the driver. The deadline is extended when the driver says so.
    async fn message(&mut self, deadline: &mut Deadline) -> Result<DriverMessage, Fault> {
        match next_message(&mut self.frames, deadline, None).await {
            Ok(message) => Ok(message),
            Err(error) => Err(self.fault(error, *deadline).await),
        }
    }

    /// The next message of the driver, after all that the agent's connections carried before it.
    async fn message_after_relaying(
        &mut self,
        model: &ModelLine,
        deadline: &mut Deadline,
    ) -> Result<DriverMessage, Fault> {
        let (to_driver, mut outgoing) = mpsc::unbounded_channel();
        let mut relay = Relay::new(model, to_driver);
        let (input, frames) = (&mut self.input, &mut self.frames);
        let mut unsent = Bytes::new();
        // Both directions are served at the same time: a driver that does not read at present may still send.
        let sending = async {
            loop {
                if unsent.is_empty() {
                    unsent = outgoing.recv().await.expect("the relay holds a sender");
                }
                while !unsent.is_empty() {
                    input.write_buf(&mut unsent).await?;
                }
                input.flush().await?;
            }
        };
        let receiving = next_message(frames, deadline, Some(&mut relay));
        let message = tokio::select! {
            message = receiving => message,
            sent = sending => {
                let Err::<Infallible, std::io::Error>(_) = sent;
                Err(FrameError::Ended)
            }
        };
        drop(relay);
        // A frame is sent whole, or the next command would follow a part of it. The driver skips it.
        let rest = timeout_at(deadline.at, async {
            self.input.write_all(&unsent).await?;
            self.input.flush().await
        });
        let message = match (message, rest.await) {
            (Ok(message), Ok(Ok(()))) => Ok(message),
            (Err(error), _) => Err(error),
            (_, Ok(Err(_))) => Err(FrameError::Ended),
            (_, Err(_)) => Err(FrameError::TimeUp),
        };
        match message {
            Ok(message) => Ok(message),
            Err(error) => Err(self.fault(error, *deadline).await),
        }
    }

    async fn fault(&mut self, error: FrameError, deadline: Deadline) -> Fault {
        match error {
            FrameError::Ended => self.gone().await,
            FrameError::TimeUp => self.silent(deadline.seconds),
            FrameError::Protocol(what) => self.broke_protocol(&what),
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
        let errors = String::from_utf8_lossy(&self.frames.errors);
        let last = errors.trim_end().lines().last().unwrap_or_default();
        let errors = if last.is_empty() { String::new() } else { format!(": {last}") };
        Fault::ContainerGone { container: self.short_id().to_owned(), status, errors }
    }

    /// Returns a fault if the driver gave up because the machine did not let the processes run.
    fn check_not_starved(&self, starved_ms: u64, wall_ms: u64) -> Result<(), Fault> {
        if starved_ms == 0 {
            return Ok(());
        }
        let container = self.short_id().to_owned();
        Err(Fault::Starved { container, starved_ms, wall_ms })
    }

    fn silent(&self, seconds: u64) -> Fault {
        Fault::DriverSilent { container: self.short_id().to_owned(), seconds }
    }

    fn broke_protocol(&self, what: &str) -> Fault {
        Fault::Protocol { container: self.short_id().to_owned(), what: what.to_owned() }
    }
}

/// The next message of the driver. The deadline is extended when the driver says so, and while the host keeps the agent
/// waiting.
async fn next_message(
    frames: &mut FrameReader,
    deadline: &mut Deadline,
    mut relay: Option<&mut Relay>,
) -> Result<DriverMessage, FrameError> {
    loop {
        let frame = match &mut relay {
            None => frames.next(deadline.at).await?,
            Some(relay) => {
                let at = deadline.at + relay.waited();
                tokio::select! {
                    frame = frames.next(at) => frame?,
                    waited = relay.clock_changed() => {
                        deadline.at += waited;
                        continue;
                    }
                }
            }
        };
        match (frame, &mut relay) {
            ((DRIVER_TAG, payload), _) => match parse(&payload).map_err(FrameError::Protocol)? {
                DriverMessage::Extended { wall_ms } => *deadline = Deadline::of_work(wall_ms),
                message => return Ok(message),
            },
            ((RELAY_TAG, payload), Some(relay)) => {
                relay.take(payload).map_err(FrameError::Protocol)?;
            }
            _ => {
                let what = "an outcome came before any call";
                return Err(FrameError::Protocol(what.to_owned()));
            }
        }
    }
}

/// The result of calls in a container that ran out of memory so far that its driver was ended. Calls that have ended
/// keep their outcomes.
fn out_of_memory(progress: CallsProgress) -> CallsRun {
    let end = ProcessEnd { why: TerminationReason::Memory, exit: None, signal: Some(9) };
    let load = if progress.ended == 0 { LoadOutcome::Ended(end) } else { progress.load };
    let (rest, usage) = (CallEnd::Ended(end), ResourceUsage::default());
    CallsRun { load, rest, clean: false, slowest_call_ms: 0, usage }
}
