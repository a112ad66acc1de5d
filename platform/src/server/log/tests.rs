//! Lines that cannot be forged, a queue that never blocks, and a file that may be moved.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, mpsc};

use axum::http::Method;
use tasks::Sha256;

use super::*;
use crate::api::{MinerId, ProblemKind};

/// An output that the test reads.
#[derive(Clone, Debug, Default)]
struct SharedOutput(Arc<Mutex<Vec<u8>>>);

impl SharedOutput {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for SharedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output that waits until the test allows each write.
struct BlockedOutput {
    output: SharedOutput,
    begun: mpsc::Sender<()>,
    allowed: mpsc::Receiver<()>,
}

impl Write for BlockedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.send(());
        let _ = self.allowed.recv();
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn origin() -> RequestOrigin {
    RequestOrigin { id: 0xab, address: Ipv4Addr::LOCALHOST.into() }
}

fn request(path: &str) -> LogEntry {
    LogEntry::Request(AccessRecord {
        origin: origin(),
        method: Method::GET,
        route: None,
        path: path.into(),
        status: 404,
        bytes: 12,
        duration: Duration::from_micros(1500),
        miner_id: Some("me".parse().unwrap()),
        problem: Some(ProblemKind::NotFound),
    })
}

/// The line of an entry in this format, without its time.
fn line(format: LogFormat, entry: LogEntry) -> String {
    let output = SharedOutput::default();
    let log = ServerLog::start(format, output.clone()).unwrap();
    log.put(|| entry);
    log.flush();
    let text = output.text();
    let (time, rest) = match format {
        LogFormat::Text => text.split_once(' ').unwrap(),
        LogFormat::Json => text.strip_prefix("{\"time\":\"").unwrap().split_once("\",").unwrap(),
    };
    time.parse::<Timestamp>().unwrap();
    rest.to_owned()
}

#[test]
fn request_is_one_line() {
    assert_eq!(
        line(LogFormat::Text, request("/nothing")),
        "event=request id=00000000000000ab address=127.0.0.1 method=GET route=- path=/nothing status=404 bytes=12 \
         ms=1.500 miner=me problem=not-found\n"
    );
    assert_eq!(
        line(LogFormat::Json, request("/nothing")),
        "\"event\":\"request\",\"id\":\"00000000000000ab\",\"address\":\"127.0.0.1\",\"method\":\"GET\",\
         \"route\":\"-\",\"path\":\"/nothing\",\"status\":404,\"bytes\":12,\"ms\":1.500,\"miner\":\"me\",\
         \"problem\":\"not-found\"}\n"
    );
}

#[test]
fn what_a_client_chose_forges_no_line_and_controls_no_terminal() {
    let hostile = "/a\nevent=upload\r\u{1b}[2J\u{9b}\u{202e}\u{2028}\u{7f}\" x=\\é";
    for format in [LogFormat::Text, LogFormat::Json] {
        for entry in [request(hostile), LogEntry::Message(hostile.into())] {
            let line = line(format, entry);
            assert_eq!(line.lines().count(), 1, "{line:?}");
            let bad = line
                .trim_end()
                .chars()
                .find(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(c));
            assert_eq!(bad, None, "{line:?}");
            if format == LogFormat::Json {
                let value: serde_json::Value = serde_json::from_str(&format!("{{{line}")).unwrap();
                let text = value.get("path").or(value.get("text")).unwrap();
                assert_eq!(text, hostile);
            } else {
                assert!(line.contains("=\"/a\\nevent=upload\\r\\u{1b}[2J"), "{line}");
                assert!(line.contains("\\\" x=\\\\é\""), "{line}");
            }
        }
    }
    let long = line(LogFormat::Text, request(&"/é".repeat(1_000)));
    assert!(long.chars().count() < 700 && long.contains("…\" status"), "{long}");
}

#[test]
fn token_in_a_path_is_not_logged() {
    let token = format!("arena_{}", "0f".repeat(32));
    let line = line(LogFormat::Text, request(&format!("/agents/{token}/x/arena_me")));
    assert!(line.contains("path=\"/agents/arena_…/x/arena_me\""), "{line}");
}

#[test]
fn events_name_the_agent_and_its_version() {
    let sha256 = Sha256::of(b"x");
    let me: MinerId = "me".parse().unwrap();
    let event = |event| {
        let entry = LogEntry::Audit(AuditRecord { origin: origin(), event });
        line(LogFormat::Text, entry).replace("id=00000000000000ab address=127.0.0.1 ", "")
    };
    let upload = AuditEvent::Upload { miner_id: me.clone(), version: 3, sha256: sha256.clone() };
    assert_eq!(event(upload), format!("event=upload miner=me version=3 sha256={sha256}\n"));
    let refused = AuditEvent::TokenRefused { miner_id: None, problem: ProblemKind::TokenWrong };
    assert_eq!(event(refused), "event=token-refused problem=token-wrong\n");
    let published = AuditEvent::RankingPublished { round: "r".into() };
    assert_eq!(event(published), "event=ranking-published round=r\n");
}

#[test]
fn full_queue_blocks_no_one_and_the_log_counts_what_it_lost() {
    let ((begun, writes), (allow, allowed)) = (mpsc::channel(), mpsc::channel());
    let output = SharedOutput::default();
    let blocked = BlockedOutput { output: output.clone(), begun, allowed };
    let log = ServerLog::with_queue(3, LogFormat::Text, blocked).unwrap();
    log.message("first".into());
    writes.recv().unwrap();
    for number in 0..10 {
        log.message(format!("number {number}"));
    }
    assert_eq!(log.dropped().get(), 7);
    drop(allow);
    log.flush();
    // The queue was full, so the flush was dropped as well; this one is not.
    while !output.text().contains("event=dropped") {
        log.flush();
    }
    let text = output.text();
    assert!(text.contains("number 2") && !text.contains("number 3"), "{text}");
    assert!(text.contains("event=dropped lines=7\n"), "{text}");
}

#[test]
fn moved_file_is_created_again() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("log"), directory.path().join("log.1"));
    let log = ServerLog::start(LogFormat::Text, LogFile::open(&path).unwrap()).unwrap();
    log.message("before".into());
    log.flush();
    std::fs::rename(&path, &moved).unwrap();
    log.message("after".into());
    log.flush();
    let read = |path| std::fs::read_to_string(path).unwrap();
    assert!(read(&moved).ends_with("text=before\n"), "{}", read(&moved));
    assert!(read(&path).ends_with("text=after\n") && read(&path).lines().count() == 1);
}
