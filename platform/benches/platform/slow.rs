//! Connections that never get to the point: a byte a second, in the header or in the body, each at its own
//! moment of the second, as strangers would.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

const HEADER: &str = "POST /upload/agent HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\
                      Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n";

/// As many of them as asked for, kept alive by a thread.
pub struct SlowConnections {
    stop: Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl SlowConnections {
    pub fn open(url: &str, count: u32) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("it is not http")?;
        let mut streams = Vec::new();
        for number in 0..count {
            let mut stream = TcpStream::connect(address)?;
            // One half has not ended its header, the other its body.
            let sent = if number % 2 == 0 { &HEADER[..40] } else { HEADER };
            stream.write_all(sent.as_bytes())?;
            streams.push(stream);
        }
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            // What asks the server honestly comes first on the core of clients: a wait for this thread would be
            // told as the server's.
            super::run_on(super::CLIENT_CORE)?;
            rustix::process::nice(19)?;
            let pause = Duration::from_secs(1) / count;
            let (start, mut sent) = (Instant::now(), 0);
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                streams[sent % count as usize].write_all(b"a")?;
                sent += 1;
            }
            #[expect(clippy::cast_precision_loss, reason = "some thousands")]
            let each = sent as f64 / f64::from(count) / start.elapsed().as_secs_f64();
            ensure!(each > 0.8, "the slow client sent {each:.2} bytes a second and not 1");
            streams.iter_mut().try_for_each(is_open)
        });
        Ok(Self { stop, thread })
    }

    /// Ends them, if the server has not done so before, in which case the figure would lie.
    pub fn close(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow::anyhow!("the slow client panicked"))?
    }
}

fn is_open(stream: &mut TcpStream) -> anyhow::Result<()> {
    stream.set_nonblocking(true)?;
    let waiting = stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    ensure!(waiting, "the server has answered a slow connection or closed it");
    Ok(())
}
