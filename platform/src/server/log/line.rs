//! One record as one line of text or JSON. What a client chose is escaped: it can neither begin a line nor control a
//! terminal.

use std::fmt::Write as _;

use axum::extract::MatchedPath;
use jiff::Timestamp;

use super::record::{AccessRecord, AuditEvent, AuditRecord, LogEntry, LogFormat, RequestOrigin};

/// The maximum number of characters of one value.
const MAX_VALUE: usize = 512;

/// How tokens of miners begin. A client that puts one into a path by mistake must not find it in the log.
const TOKEN_PREFIX: &str = "arena_";

/// The named values of a line, in order.
pub(super) type LogFields = Vec<(&'static str, LogValue)>;

/// The value of a field.
#[derive(Debug, PartialEq)]
pub(super) enum LogValue {
    Text(String),
    Count(u64),
    Milliseconds(f64),
}

/// Returns the fields of a record, without its time.
pub(super) fn fields(entry: &LogEntry) -> LogFields {
    match entry {
        LogEntry::Request(record) => request(record),
        LogEntry::Audit(record) => audit(record),
        LogEntry::Message(text) => vec![event("message"), ("text", LogValue::Text(text.clone()))],
    }
}

/// Returns the fields of the line that counts dropped records.
pub(super) fn dropped(lines: u64) -> LogFields {
    vec![event("dropped"), ("lines", LogValue::Count(lines))]
}

/// Appends the line.
pub(super) fn write(text: &mut String, format: LogFormat, time: Timestamp, fields: &LogFields) {
    match format {
        LogFormat::Text => {
            let _ = write!(text, "{time:.3}");
            for (name, value) in fields {
                let _ = write!(text, " {name}=");
                match value {
                    LogValue::Text(value) if is_plain(value) => text.push_str(value),
                    LogValue::Text(value) => push_quoted(text, value),
                    value => push_number(text, value),
                }
            }
        }
        LogFormat::Json => {
            let _ = write!(text, "{{\"time\":\"{time:.3}\"");
            for (name, value) in fields {
                let _ = write!(text, ",\"{name}\":");
                match value {
                    LogValue::Text(value) => push_json(text, value),
                    value => push_number(text, value),
                }
            }
            text.push('}');
        }
    }
    text.push('\n');
}

fn request(record: &AccessRecord) -> LogFields {
    let mut fields = vec![event("request")];
    origin(&mut fields, record.origin);
    let route = record.route.as_ref().map_or("-", MatchedPath::as_str);
    fields.extend([
        ("method", text(record.method.as_str())),
        ("route", text(route)),
        ("path", LogValue::Text(without_tokens(&record.path))),
        ("status", LogValue::Count(record.status.into())),
        ("bytes", LogValue::Count(record.bytes)),
        ("ms", LogValue::Milliseconds(record.duration.as_secs_f64() * 1e3)),
    ]);
    fields.extend(record.miner_id.as_ref().map(|id| ("miner", text(id.as_str()))));
    fields.extend(record.problem.map(|kind| ("problem", text(kind.name()))));
    fields
}

fn audit(record: &AuditRecord) -> LogFields {
    let (name, more) = match &record.event {
        AuditEvent::Upload { miner_id, version, sha256 } => (
            "upload",
            vec![
                ("miner", text(miner_id.as_str())),
                ("version", LogValue::Count((*version).into())),
                ("sha256", text(sha256.as_str())),
            ],
        ),
        AuditEvent::TokenExchanged { miner_id } => {
            ("token-exchanged", vec![("miner", text(miner_id.as_str()))])
        }
        AuditEvent::TokenRefused { miner_id, problem } => {
            let miner = miner_id.as_ref().map(|id| ("miner", text(id.as_str())));
            let problem = ("problem", text(problem.name()));
            ("token-refused", miner.into_iter().chain([problem]).collect())
        }
        AuditEvent::RankingPublished { round } => {
            ("ranking-published", vec![("round", text(round))])
        }
        AuditEvent::ResultsPublished { round, miner_id, trials } => (
            "results-published",
            vec![
                ("round", text(round)),
                ("miner", text(miner_id.as_str())),
                ("trials", LogValue::Count(*trials as u64)),
            ],
        ),
        AuditEvent::AgentWithdrawn { miner_id } => {
            ("agent-withdrawn", vec![("miner", text(miner_id.as_str()))])
        }
    };
    let mut fields = vec![event(name)];
    origin(&mut fields, record.origin);
    fields.extend(more);
    fields
}

fn origin(fields: &mut LogFields, origin: RequestOrigin) {
    fields.push(("id", LogValue::Text(format!("{:016x}", origin.id))));
    fields.push(("address", LogValue::Text(origin.address.to_string())));
}

fn event(name: &str) -> (&'static str, LogValue) {
    ("event", text(name))
}

fn text(value: &str) -> LogValue {
    LogValue::Text(value.to_owned())
}

/// Returns the path with the digits of tokens replaced by `…`.
fn without_tokens(path: &str) -> String {
    let Some((before, rest)) = path.split_once(TOKEN_PREFIX) else { return path.to_owned() };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
    let shown = if digits < 16 { &rest[..digits] } else { "…" };
    format!("{before}{TOKEN_PREFIX}{shown}{}", without_tokens(&rest[digits..]))
}

fn is_plain(value: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/{}[]@+,%~".contains(&b);
    !value.is_empty() && value.len() <= MAX_VALUE && value.bytes().all(plain)
}

fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    let mut characters = value.chars();
    for character in characters.by_ref().take(MAX_VALUE) {
        match character {
            ' '..='~' if !matches!(character, '"' | '\\') => text.push(character),
            '…' => text.push(character),
            // A letter with an accent is harmless; a mark that changes the direction of text is not.
            character if character.is_alphanumeric() => text.push(character),
            character => text.extend(character.escape_default()),
        }
    }
    if characters.next().is_some() {
        text.push('…');
    }
    text.push('"');
}

fn push_json(text: &mut String, value: &str) {
    text.push('"');
    let mut characters = value.chars();
    for character in characters.by_ref().take(MAX_VALUE) {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            ' '..='~' => text.push(character),
            character => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    if characters.next().is_some() {
        text.push_str("\\u2026");
    }
    text.push('"');
}

fn push_number(text: &mut String, value: &LogValue) {
    let _ = match value {
        LogValue::Count(count) => write!(text, "{count}"),
        LogValue::Milliseconds(time) => write!(text, "{time:.3}"),
        LogValue::Text(_) => Ok(()),
    };
}
