//! One container: started, spoken to over its attached streams, and removed whatever happens.
//!
//! There are no bind mounts and no archive endpoints. The driver goes in as an argument, agents and
//! inputs over stdin, so a remote daemon works like a local one and the host never opens a path that an
//! agent could write.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerCreateResponse, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, ResourcesUlimits,
};
use bytes::{Buf as _, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tasks::{Input, Limits};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use super::daemon::{ask, status_of};
use super::owner;
use super::protocol::{
    AgentRun, CallEnd, CallsRun, Ended, Load, MakeCalls, REFUSED, RunAgent, SAID, Said, Stop,
    Usage, Why,
};
use super::{DRIVER, Sandbox};
use crate::Fault;

/// The only folder that can be written to, in memory.
const WORK: &str = "/work";
/// Where pip and friends live in the images that are used. Empty read-only mounts hide them.
const SITE_PACKAGES: [&str; 3] = [
    "/usr/lib/python3/dist-packages",
    "/usr/local/lib/python3.11/dist-packages",
    "/usr/local/lib/python3.11/site-packages",
];
/// The system calls that there are for an agent; every other one is refused. Readable, with its reasons.
const SECCOMP: &str = include_str!("../../seccomp.json");
/// How often another user is drawn when the one that was drawn is at work in another container.
const USER_DRAWS: usize = 8;
/// Exit status of a container whose process 1 was ended by SIGKILL.
const KILLED: i64 = 128 + 9;
/// How long a container whose streams ended may take until Docker knows how it ended.
const END_SECONDS: u64 = 10;
/// How long a container may take to be ready. Starting is slow on a starved machine.
const START_SECONDS: u64 = 120;
/// How much longer than the driver's own deadline the host waits for it to speak. The driver needs a
/// moment to kill and to reap; the rest is for a machine that is busy with others.
const GRACE_SECONDS: u64 = 15;
/// Largest statement of a driver, apart from what it quotes, in bytes.
const STATEMENT_BYTES: u64 = 4096;
/// How much of what a driver wrote to stderr is kept, in bytes: enough for a traceback.
const DRIVER_ERRORS_BYTES: usize = 4096;
/// A container whose time was up is taken for starved if the machine kept it from running for this share of
/// it, a half. So whoever needs no more than half of a limit on a quiet machine never exceeds it on a busy one,
/// and references need a third at most.
const STARVED_SHARE: u64 = 2;
/// Files that a process may have open.
const OPEN_FILES: i64 = 256;
/// Signals that may wait to be delivered.
const PENDING_SIGNALS: i64 = 256;

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// A running container with its driver at the other end of the line.
pub struct Container {
    sandbox: Sandbox,
    id: String,
    output: Output,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    unread: BytesMut,
    /// Largest frame that the present command may bring, in bytes.
    frame_bytes: u64,
    errors: Vec<u8>,
    /// Whether the kernel ended its driver for want of memory.
    out_of_memory: bool,
}

impl Container {
    /// Creates and starts a container, and waits until its driver is ready.
    pub(super) async fn start(sandbox: &Sandbox) -> Result<Self, Fault> {
        let created = created(sandbox).await?;
        match Self::start_created(sandbox, &created.id, &created.warnings).await {
            Ok(container) => Ok(container),
            Err(fault) => {
                // The first fault is the one to tell; what is left is found by its label.
                let _ = owner::remove(sandbox.engine(), &created.id).await;
                Err(fault)
            }
        }
    }

    async fn start_created(
        sandbox: &Sandbox,
        id: &str,
        warnings: &[String],
    ) -> Result<Self, Fault> {
        if let Some(warning) = warnings.first() {
            return Err(Fault::LimitDropped(warning.clone()));
        }
        let engine = sandbox.engine();
        let AttachContainerResults { output, input } =
            ask("attach to a container", engine.attach(id)).await?;
        let mut container = Self {
            sandbox: sandbox.clone(),
            id: id.to_owned(),
            output,
            input,
            unread: BytesMut::new(),
            frame_bytes: STATEMENT_BYTES,
            errors: Vec::new(),
            out_of_memory: false,
        };
        ask("start a container", engine.start(id)).await?;
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
        match container.said(deadline, START_SECONDS).await? {
            Said::Ready { python } if python.starts_with("3.11.") => Ok(container),
            Said::Ready { python } => {
                let image = &sandbox.inner.image.reference;
                Err(Fault::Image(format!("{image} has Python {python}, and 3.11 is wanted")))
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
        let (deadline, seconds) = deadline(limits.agent_wall_ms);
        let order = RunAgent {
            agent: source,
            prompt,
            wall_ms: limits.agent_wall_ms,
            answer_bytes: limits.answer_bytes,
            stderr_bytes: limits.stderr_bytes,
        };
        // Every byte of an answer or of stderr costs up to six in JSON.
        self.frame_bytes = 6 * (limits.answer_bytes + limits.stderr_bytes) + STATEMENT_BYTES;
        self.send(deadline, seconds, &order).await?;
        match self.said(deadline, seconds).await {
            Ok(Said::Answer(answer)) => {
                self.check_fed(answer.starved_ms, limits.agent_wall_ms)?;
                Ok(answer.into())
            }
            Ok(_) => Err(self.broke_protocol("it did not report the agent's run")),
            Err(_) if self.out_of_memory => Ok(AgentRun::out_of_memory()),
            Err(fault) => Err(fault),
        }
    }

    /// Loads an answer and calls its entry point with each of the inputs. Every call's end is told when it is
    /// known, in the order of the calls, so that nobody has to keep the values of a whole trial; on a break
    /// no more calls are made.
    pub async fn make_calls(
        &mut self,
        (source, entry_point): (&str, &str),
        calls: &[Input<'_>],
        limits: &Limits,
        mut on_end: impl FnMut(CallEnd) -> ControlFlow<()>,
    ) -> Result<CallsRun, Fault> {
        let (deadline, seconds) = deadline(limits.calls_wall_ms);
        let order = MakeCalls {
            source,
            entry_point,
            calls,
            call_cpu_ms: limits.call_cpu_ms,
            wall_ms: limits.calls_wall_ms,
            value_bytes: limits.value_bytes,
            values_bytes: limits.values_bytes,
        };
        self.frame_bytes = limits.value_bytes + STATEMENT_BYTES;
        self.send(deadline, seconds, &order).await?;
        let (mut told, mut stopped) = (0, false);
        let mut load = Load::Ready;
        loop {
            let (tag, payload) = match self.frame(deadline, seconds).await {
                Ok(frame) => frame,
                Err(_) if self.out_of_memory => return Ok(out_of_memory(load, told)),
                Err(fault) => return Err(fault),
            };
            let end = match tag {
                SAID => match self.parse(&payload)? {
                    Said::LoadEnded(ended) => {
                        load = Load::Ended(ended);
                        continue;
                    }
                    Said::Ended { index, ended } if index == told => CallEnd::Ended(ended),
                    Said::Done { clean, starved_ms, usage } => {
                        self.check_fed(starved_ms, limits.calls_wall_ms)?;
                        return Ok(CallsRun { load, rest: CallEnd::NotMade, clean, usage });
                    }
                    _ => return Err(self.broke_protocol("it spoke out of turn")),
                },
                REFUSED => {
                    load = Load::read_refusal(&payload);
                    continue;
                }
                index if index as usize == told && told < calls.len() => CallEnd::read(&payload),
                _ => return Err(self.broke_protocol("it sent an outcome out of turn")),
            };
            told += 1;
            // What was under way when the calls were stopped still comes, and is nobody's business.
            if !stopped && on_end(end).is_break() {
                stopped = true;
                self.send(deadline, seconds, &Stop { stop: true }).await?;
            }
        }
    }

    /// Removes the container: the streams first, then the processes, then the rest. A reader that has
    /// stopped reading can block a kill, so nothing is attached any more when it comes.
    pub async fn remove(self) -> Result<(), Fault> {
        let Self { sandbox, id, output, input, .. } = self;
        drop((output, input));
        let engine = sandbox.engine();
        // It may have ended by itself, which is what was wanted; removal by force kills as well.
        let _ = ask("kill a container", engine.kill(&id)).await;
        owner::remove(engine, &id).await
    }

    /// The first digits of the container's id, as Docker prints them.
    pub fn short_id(&self) -> &str {
        &self.id[..12]
    }

    async fn send(
        &mut self,
        deadline: Instant,
        seconds: u64,
        command: &impl Serialize,
    ) -> Result<(), Fault> {
        let body = serde_json::to_vec(command).expect("commands are plain data");
        let length = u32::try_from(body.len()).expect("commands are far smaller than 4 GiB");
        let sending = async {
            self.input.write_all(&length.to_be_bytes()).await?;
            self.input.write_all(&body).await?;
            self.input.flush().await
        };
        match timeout_at(deadline, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone().await),
            Err(_) => Err(self.silent(seconds)),
        }
    }

    async fn said(&mut self, deadline: Instant, seconds: u64) -> Result<Said, Fault> {
        match self.frame(deadline, seconds).await? {
            (SAID, payload) => self.parse(&payload),
            _ => Err(self.broke_protocol("an outcome came before any call")),
        }
    }

    fn parse(&self, payload: &[u8]) -> Result<Said, Fault> {
        serde_json::from_slice(payload).map_err(|error| self.broke_protocol(&error.to_string()))
    }

    /// The next frame: its tag and its payload.
    async fn frame(&mut self, deadline: Instant, seconds: u64) -> Result<(u32, BytesMut), Fault> {
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
            match timeout_at(deadline, self.output.next()).await {
                Ok(Some(Ok(LogOutput::StdOut { message }))) => self.unread.extend(&message),
                Ok(Some(Ok(other))) => {
                    self.errors.extend(other.into_bytes());
                    let excess = self.errors.len().saturating_sub(DRIVER_ERRORS_BYTES);
                    self.errors.drain(..excess);
                }
                Ok(Some(Err(_)) | None) => return Err(self.gone().await),
                Err(_) => return Err(self.silent(seconds)),
            }
        }
    }

    /// The fault of a container whose streams ended. That the kernel ended its driver for want of memory
    /// is noted, for it is no fault of ours: all memory in there but a little is the agent's.
    async fn gone(&mut self) -> Fault {
        let engine = self.sandbox.engine();
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

    /// Whether a machine that kept a container from running had no large part in its time being up.
    fn check_fed(&self, starved_ms: u64, wall_ms: u64) -> Result<(), Fault> {
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

/// Until when a driver must have answered that has `wall_ms` for its work, and how many seconds that is.
fn deadline(wall_ms: u64) -> (Instant, u64) {
    let seconds = wall_ms.div_ceil(1000) + GRACE_SECONDS;
    (Instant::now() + Duration::from_secs(seconds), seconds)
}

/// What came of calls whose container ran out of memory so far that its driver was ended: those that had
/// come to something keep it.
fn out_of_memory(load: Load, told: usize) -> CallsRun {
    let ended = Ended { why: Why::Memory, exit: None, signal: Some(9) };
    let load = if told == 0 { Load::Ended(ended) } else { load };
    CallsRun { load, rest: CallEnd::Ended(ended), clean: false, usage: Usage::default() }
}

/// Has a container created, to the end even if nobody waits for it any more: a request that was sent cannot be
/// taken back, and a cleanup that did not wait for its answer would miss the container.
async fn created(sandbox: &Sandbox) -> Result<ContainerCreateResponse, Fault> {
    let under_way = Arc::clone(&sandbox.inner.creations).read_owned().await;
    let sandbox = sandbox.clone();
    let creating = tokio::spawn(async move {
        let created = create(&sandbox).await;
        drop(under_way);
        created
    });
    creating.await.expect("creating a container does not panic")
}

/// Creates a container with a user of its own: limits that the kernel counts per user are never shared.
/// The name holds the number, and Docker gives no name twice as long as its container is there, so no two
/// containers of a daemon ever share one.
async fn create(sandbox: &Sandbox) -> Result<ContainerCreateResponse, Fault> {
    let mut draws = 0;
    loop {
        draws += 1;
        let user = rand::random_range(1_000_000..2_000_000_000_u32);
        let name = format!("arena-{user}");
        let created = sandbox.engine().create(&name, body(sandbox, user));
        match ask("create a container", created).await {
            Err(fault) if status_of(&fault) == Some(409) && draws < USER_DRAWS => {}
            Err(fault) if status_of(&fault) == Some(404) => {
                let image = sandbox.inner.image.pinned();
                return Err(Fault::Image(format!(
                    "{image} is not on this daemon any more; 'harness image' gets it again"
                )));
            }
            created => return created,
        }
    }
}

fn body(sandbox: &Sandbox, user: u32) -> ContainerCreateBody {
    let inner = &*sandbox.inner;
    let words = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect::<Vec<_>>());
    ContainerCreateBody {
        image: Some(inner.image.id.clone()),
        entrypoint: words(&["python", "-P", "-s", "-X", "utf8", "-c", DRIVER]),
        cmd: words(&[]),
        env: words(&["PYTHONHASHSEED=0", "HOME=/work", "TMPDIR=/work", "LANG=C.UTF-8"]),
        user: Some(format!("{user}:{user}")),
        working_dir: Some(WORK.to_owned()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        labels: Some(inner.owner.labels(24 * 3600)),
        host_config: Some(host_config(sandbox, user)),
        ..Default::default()
    }
}

fn host_config(sandbox: &Sandbox, user: u32) -> HostConfig {
    let inner = &*sandbox.inner;
    let limits = &inner.limits;
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let limit = |name: &str, most: i64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(most),
        hard: Some(most),
    };
    let work = format!(
        "rw,noexec,nosuid,nodev,size={},nr_inodes={},mode=0700,uid={user},gid={user}",
        limits.work_bytes, limits.work_inodes
    );
    let hidden = "ro,noexec,nosuid,nodev,size=4k,nr_inodes=2,mode=0555";
    let mut tmpfs: HashMap<_, _> =
        SITE_PACKAGES.iter().map(|path| ((*path).to_owned(), hidden.to_owned())).collect();
    tmpfs.insert(WORK.to_owned(), work);
    HostConfig {
        network_mode: Some("none".to_owned()),
        readonly_rootfs: Some(true),
        tmpfs: Some(tmpfs),
        ipc_mode: Some("none".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        memory: Some(signed(limits.memory_bytes)),
        memory_swap: Some(signed(limits.memory_bytes)),
        nano_cpus: Some(i64::from(limits.cpu_millis) * 1_000_000),
        pids_limit: Some(i64::from(limits.pids)),
        ulimits: Some(vec![
            limit("nofile", OPEN_FILES),
            limit("core", 0),
            limit("fsize", signed(limits.work_bytes)),
            limit("memlock", 0),
            limit("msgqueue", 0),
            limit("sigpending", PENDING_SIGNALS),
        ]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges:true".to_owned(), format!("seccomp={SECCOMP}")]),
        privileged: Some(false),
        init: Some(false),
        auto_remove: Some(false),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        runtime: inner.runtime.clone(),
        ..Default::default()
    }
}
