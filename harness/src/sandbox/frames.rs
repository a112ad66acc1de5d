//! Frames of the protocol, as they come from a driver and go to it.

use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bytes::{Buf as _, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::protocol::DriverMessage;

/// How much longer than the driver's own deadline the host waits for a message. The driver needs a
/// moment to kill and to reap; the rest is for a busy machine.
const GRACE_SECONDS: u64 = 15;
/// Largest message of a driver, apart from what it quotes, in bytes.
pub(super) const MESSAGE_BYTES: u64 = 4096;
/// How much of a driver's stderr is kept, in bytes: enough for a traceback.
const DRIVER_ERRORS_BYTES: usize = 4096;
/// Tag of a frame with a part of an agent's connection, in both directions.
pub(super) const RELAY_TAG: u32 = 0xFFFF_FFFC;
/// Tags of the host's other frames: a command, a batch of inputs, and the request to make no more calls.
pub(super) const COMMAND_TAG: u32 = 1;
pub(super) const INPUTS_TAG: u32 = 2;
pub(super) const STOP_TAG: u32 = 3;
pub(super) type OutputStream = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// When the driver must have answered, and after how many seconds that is.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub at: Instant,
    pub seconds: u64,
}

impl Deadline {
    pub fn after(seconds: u64) -> Self {
        Self { at: Instant::now() + Duration::from_secs(seconds), seconds }
    }

    /// The deadline of a driver that has `wall_ms` for its work.
    pub fn of_work(wall_ms: u64) -> Self {
        Self::after(wall_ms.div_ceil(1000) + GRACE_SECONDS)
    }
}

/// Reads frames from the driver's stdout, and keeps the end of its stderr.
pub(super) struct FrameReader {
    output: OutputStream,
    unread: BytesMut,
    /// Largest frame that the present command may bring, in bytes
    pub frame_bytes: u64,
    pub errors: Vec<u8>,
}

/// Why there is no next frame.
pub(super) enum FrameError {
    /// The streams ended.
    Ended,
    /// The deadline passed.
    TimeUp,
    /// The driver broke the protocol, and how.
    Protocol(String),
}

impl FrameReader {
    pub fn new(output: OutputStream) -> Self {
        let (unread, errors) = (BytesMut::new(), Vec::new());
        Self { output, unread, frame_bytes: MESSAGE_BYTES, errors }
    }

    /// The next frame: its tag and its payload. Nothing is lost if the future is dropped.
    pub async fn next(&mut self, deadline: Instant) -> Result<(u32, BytesMut), FrameError> {
        loop {
            if self.unread.len() >= 8 {
                let length = u32::from_be_bytes(self.unread[..4].try_into().expect("four bytes"));
                if length < 4 || u64::from(length) > self.frame_bytes {
                    let what = "a frame has an impossible length";
                    return Err(FrameError::Protocol(what.to_owned()));
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
                Ok(Some(Err(_)) | None) => return Err(FrameError::Ended),
                Err(_) => return Err(FrameError::TimeUp),
            }
        }
    }
}

/// A frame of JSON.
pub(super) fn frame_of(tag: u32, content: &impl Serialize) -> Vec<u8> {
    frame(tag, &serde_json::to_vec(content).expect("commands are plain data"))
}

/// A frame: its length, its tag and its payload.
pub(super) fn frame(tag: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 4).expect("frames are far smaller than 4 GiB");
    [&length.to_be_bytes()[..], &tag.to_be_bytes()[..], payload].concat()
}

pub(super) fn parse(payload: &[u8]) -> Result<DriverMessage, String> {
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}
