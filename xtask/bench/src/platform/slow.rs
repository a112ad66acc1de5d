//! Connections that send a byte a second and never complete a request, half of them in the header and half in
//! the body, each at its own moment of the second, as independent clients would.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::wrk::CLIENT_CORE;

const HEADER: &str = "POST /upload/agent HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\
                      Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n";

/// Slow connections, kept open by a thread.
pub struct SlowConnections {
    stop: Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl SlowConnections {
    /// Opens so many connections.
    pub fn open(url: &str, count: u32) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("expected an http URL")?;
        let mut streams = Vec::new();
        for index in 0..count {
            let mut stream = TcpStream::connect(address)?;
            let sent = if index % 2 == 0 { &HEADER[..40] } else { HEADER };
            stream.write_all(sent.as_bytes())?;
            streams.push(stream);
        }
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            // The measuring client shares its core with this thread and comes first: its waits for this thread
            // would be counted as the server's.
            run_on(CLIENT_CORE)?;
            rustix::process::nice(19)?;
            let pause = Duration::from_secs(1) / count;
            let (start, mut sent) = (Instant::now(), 0);
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                // After a wait for its turn on the core, the thread makes up for it.
                while pause * (sent + 1) <= start.elapsed() {
                    streams[(sent % count) as usize].write_all(b"a")?;
                    sent += 1;
                }
            }
            let each = f64::from(sent) / f64::from(count) / start.elapsed().as_secs_f64();
            ensure!(each > 0.8, "the slow client sent {each:.2} bytes a second, expected 1");
            streams.iter_mut().try_for_each(check_open)
        });
        Ok(Self { stop, thread })
    }

    /// Closes them. Fails if the server closed one before, since the figure is wrong then.
    pub fn close(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow::anyhow!("the slow client panicked"))?
    }
}

fn check_open(stream: &mut TcpStream) -> anyhow::Result<()> {
    stream.set_nonblocking(true)?;
    let waiting = stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    ensure!(waiting, "the server answered or closed a slow connection");
    Ok(())
}

/// Moves this thread to a core.
fn run_on(core: &str) -> anyhow::Result<()> {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core.parse()?);
    Ok(rustix::thread::sched_setaffinity(None, &cores)?)
}
