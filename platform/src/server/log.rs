//! The access and audit log: one line for each request and for each event that an operator must be able to prove.
//!
//! A request only puts a record into a bounded queue. One thread formats and writes them, so that a slow disk or a full
//! pipe delays no request; what does not fit is counted, and the log states the number. There are no levels, targets or
//! filters, so there is no framework either: records are types, and what is never logged (tokens, sources, queries) has
//! no field.

use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;

mod file;
mod line;
mod record;

pub use file::LogFile;
pub use record::LogFormat;
pub(super) use record::{AccessRecord, AuditEvent, AuditRecord, LogEntry, RequestOrigin};

/// The number of records that wait to be written. At 10,000 requests per second, that is half a second.
const QUEUE: usize = 5_000;

/// The number of records that are formatted before they are written together.
const BATCH: usize = 256;

/// How long the end of a server waits for its log to be written.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// The log of a server; off by default. Cheap to clone.
#[derive(Clone, Default)]
pub struct ServerLog {
    queue: Option<SyncSender<LogRecord>>,
    dropped: Counter,
}

impl fmt::Debug for ServerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLog").field("is_on", &self.queue.is_some()).finish_non_exhaustive()
    }
}

impl ServerLog {
    /// Starts a log that writes to `output`. Fails when the system has no thread for it.
    pub fn start(format: LogFormat, output: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with_queue(QUEUE, format, output)
    }

    fn with_queue(
        length: usize,
        format: LogFormat,
        output: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, records) = sync_channel(length);
        let log = Self { queue: Some(queue), dropped: Counter::default() };
        let writer = LogWriter {
            format,
            output,
            dropped: log.dropped.clone(),
            reported: 0,
            text: String::new(),
        };
        thread::Builder::new().name("log".into()).spawn(move || writer.run(&records))?;
        Ok(log)
    }

    /// Logs a message to the operator.
    pub fn message(&self, text: String) {
        self.put(|| LogEntry::Message(text));
    }

    /// Waits until everything before is written, at most two seconds.
    pub fn flush(&self) {
        let Some(queue) = &self.queue else { return };
        let (done, written) = sync_channel(1);
        // The queue may be full, and its writer blocked: do not wait for that.
        if queue.try_send(LogRecord::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIME);
        }
    }

    /// The number of records that were not written.
    pub(super) fn dropped(&self) -> &Counter {
        &self.dropped
    }

    /// Queues an entry, which is not made if the log is off.
    pub(super) fn put(&self, entry: impl FnOnce() -> LogEntry) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(LogRecord::Entry(Timestamp::now(), Box::new(entry()))).is_err() {
            self.dropped.inc();
        }
    }
}

/// What travels to the writer.
enum LogRecord {
    Entry(Timestamp, Box<LogEntry>),
    Flush(SyncSender<()>),
}

/// Formats records and writes them.
struct LogWriter<W> {
    format: LogFormat,
    output: W,
    dropped: Counter,
    /// The number of dropped records that the log states.
    reported: u64,
    text: String,
}

impl<W: Write> LogWriter<W> {
    fn run(mut self, records: &Receiver<LogRecord>) {
        while let Ok(first) = records.recv() {
            let (mut flushed, mut lines) = (None, 0);
            for record in std::iter::once(first).chain(records.try_iter().take(BATCH)) {
                match record {
                    LogRecord::Entry(time, entry) => {
                        line::write(&mut self.text, self.format, time, &line::fields(&entry));
                        lines += 1;
                    }
                    LogRecord::Flush(done) => flushed = Some(done),
                }
            }
            self.write(lines);
            if let Some(done) = flushed {
                let _ = done.try_send(());
            }
        }
    }

    /// Writes the formatted lines. On a full disk they are lost, and counted.
    fn write(&mut self, lines: u64) {
        let dropped = self.dropped.get();
        if dropped > self.reported {
            let fields = line::dropped(dropped - self.reported);
            line::write(&mut self.text, self.format, Timestamp::now(), &fields);
        }
        let written =
            self.output.write_all(self.text.as_bytes()).and_then(|()| self.output.flush());
        self.text.clear();
        match written {
            Ok(()) => self.reported = dropped,
            Err(_) => {
                self.dropped.inc_by(lines);
            }
        }
    }
}

#[cfg(test)]
mod tests;
