//! The calls of an answer: sent to a driver, and followed to their end.

use std::ops::ControlFlow;
use std::pin::{Pin, pin};

use tasks::{Input, Limits};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::frames::{
    COMMAND_TAG, Deadline, FrameError, FrameReader, INPUTS_TAG, STOP_TAG, frame, frame_of, parse,
};
use super::protocol::{
    CallEnd, DRIVER_TAG, DriverMessage, LoadOutcome, MakeCalls, REFUSAL_TAG, ResourceUsage,
};

/// An answer to load and the calls to make.
#[derive(Clone, Copy)]
pub struct CallPlan<'a> {
    /// The answer
    pub source: &'a str,
    /// The function or class that is called
    pub entry_point: &'a str,
    /// The inputs, in the order of the calls
    pub calls: &'a [Input<'a>],
    /// Whether the miner may not know some of the inputs
    pub hidden: bool,
    /// Limits of the calls
    pub limits: &'a Limits,
}

/// Has a driver make calls. `on_end` gets the end of every call as soon as it is known; on a break no more calls are
/// made. `progress` holds how far the calls are, also after an error.
pub(super) async fn exchange(
    line: DriverLine<'_>,
    plan: CallPlan<'_>,
    progress: &mut CallsProgress,
    mut on_end: impl FnMut(CallEnd) -> ControlFlow<()>,
) -> Result<CallsDone, FrameError> {
    let DriverLine { input, frames, deadline } = line;
    let (commands, stop) = (plan.frames(), Notify::new());
    // The driver reads inputs as their calls become due and sends outcomes meanwhile, so both directions are served
    // at the same time.
    let mut sending = pin!(async {
        input.write_all(&commands).await?;
        input.flush().await?;
        stop.notified().await;
        input.write_all(&frame(STOP_TAG, &[])).await?;
        input.flush().await
    });
    let mut sent = false;
    let done = loop {
        let frame = tokio::select! {
            result = &mut sending, if !sent => {
                sent = true;
                result.map_err(|_| FrameError::Ended)?;
                continue;
            }
            frame = frames.next(deadline.at) => frame?,
        };
        match progress.take(frame.0, &frame.1).map_err(FrameError::Protocol)? {
            CallsEvent::Nothing => {}
            CallsEvent::Extended { wall_ms } => *deadline = Deadline::of_work(wall_ms),
            // Calls that were in progress when the rest was stopped still end; their outcomes are ignored.
            CallsEvent::CallEnd(_) if progress.stopped => {}
            CallsEvent::CallEnd(end) => {
                if on_end(end).is_break() {
                    progress.stopped = true;
                    stop.notify_one();
                }
            }
            CallsEvent::Done(done) => break done,
        }
    };
    // A stop is sent whole, or the next command would follow a part of it.
    if progress.stopped && !sent {
        let sent = timeout_at(deadline.at, sending).await;
        sent.map_err(|_| FrameError::TimeUp)?.map_err(|_| FrameError::Ended)?;
    }
    Ok(done)
}

/// Both directions of the connection to a driver, and when it must have answered.
pub(super) struct DriverLine<'a> {
    pub input: &'a mut Pin<Box<dyn AsyncWrite + Send>>,
    pub frames: &'a mut FrameReader,
    pub deadline: &'a mut Deadline,
}

impl CallPlan<'_> {
    /// The command and the batches of inputs, each a frame.
    fn frames(&self) -> Vec<u8> {
        let limits = self.limits;
        let batch = usize::try_from(limits.calls_per_batch).unwrap_or(usize::MAX).max(1);
        let batches: Vec<_> = self.calls.chunks(batch).map(<[_]>::len).collect();
        let mut frames = frame_of(
            COMMAND_TAG,
            &MakeCalls {
                source: self.source,
                entry_point: self.entry_point,
                batches: &batches,
                timeouts: limits.call_timeouts,
                call_cpu_ms: limits.call_cpu_ms,
                wall_ms: limits.calls_wall_ms,
                value_bytes: limits.value_bytes,
                values_bytes: limits.values_bytes,
            },
        );
        for batch in self.calls.chunks(batch) {
            frames.extend(frame_of(INPUTS_TAG, &batch));
        }
        frames
    }
}

/// How far the calls of one command are.
pub(super) struct CallsProgress {
    calls: usize,
    pub ended: usize,
    pub load: LoadOutcome,
    stopped: bool,
}

/// What a frame means for the calls.
enum CallsEvent {
    Nothing,
    Extended { wall_ms: u64 },
    CallEnd(CallEnd),
    Done(CallsDone),
}

/// The driver's report of all calls.
pub(super) struct CallsDone {
    pub clean: bool,
    pub starved_ms: u64,
    pub slowest_call_ms: u64,
    pub usage: ResourceUsage,
}

impl CallsProgress {
    pub fn new(calls: usize) -> Self {
        Self { calls, ended: 0, load: LoadOutcome::Ready, stopped: false }
    }

    /// Interprets the next frame, or says how it breaks the protocol.
    fn take(&mut self, tag: u32, payload: &[u8]) -> Result<CallsEvent, String> {
        let end = match tag {
            DRIVER_TAG => match parse(payload)? {
                DriverMessage::Extended { wall_ms } => return Ok(CallsEvent::Extended { wall_ms }),
                DriverMessage::LoadEnded(end) => {
                    self.load = LoadOutcome::Ended(end);
                    return Ok(CallsEvent::Nothing);
                }
                DriverMessage::Ended { index, end } if index == self.ended => CallEnd::Ended(end),
                DriverMessage::Done { clean, starved_ms, slowest_call_ms, usage } => {
                    return Ok(CallsEvent::Done(CallsDone {
                        clean,
                        starved_ms,
                        slowest_call_ms,
                        usage,
                    }));
                }
                _ => return Err("it sent a message out of turn".to_owned()),
            },
            REFUSAL_TAG => {
                self.load = LoadOutcome::read_refusal(payload);
                return Ok(CallsEvent::Nothing);
            }
            index if index as usize == self.ended && self.ended < self.calls => {
                CallEnd::read(payload)
            }
            _ => return Err("it sent an outcome out of turn".to_owned()),
        };
        self.ended += 1;
        Ok(CallsEvent::CallEnd(end))
    }
}
