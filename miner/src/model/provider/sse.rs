//! A decoder of server-sent events, as far as providers use them: it returns the `data` of each event.

/// Longest event, in bytes. Providers send a few hundred.
const MAX_EVENT_BYTES: usize = 4 << 20;

/// Decodes a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct EventDecoder {
    /// The line that is not complete yet.
    line: Vec<u8>,
    data: String,
}

/// An event exceeds [`MAX_EVENT_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventTooLong;

impl EventDecoder {
    /// Adds bytes and returns the data of the events that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, EventTooLong> {
        let mut complete = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                return Err(EventTooLong);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                complete.extend(self.line(String::from_utf8_lossy(&line).trim_end()));
            }
        }
        Ok(complete)
    }

    /// Returns the last event at the end of the stream: some servers omit the last line break.
    pub(super) fn finish(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let by_line = self.line(String::from_utf8_lossy(&line).trim_end());
        by_line.or_else(|| self.line(""))
    }

    fn line(&mut self, line: &str) -> Option<String> {
        if line.is_empty() {
            return (!self.data.is_empty()).then(|| std::mem::take(&mut self.data));
        }
        if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the events of a stream, in chunks of several sizes.
    fn check(stream: &str, expected: &[&str]) {
        for size in [1, 2, 3, 7, stream.len().max(1)] {
            let mut events = EventDecoder::default();
            let mut found = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                found.extend(events.feed(chunk).unwrap());
            }
            found.extend(events.finish());
            assert_eq!(found, expected, "{stream:?} in pieces of {size}");
        }
    }

    #[test]
    fn decodes_events_in_chunks_of_any_size() {
        check("", &[]);
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("event: x\r\ndata: a\r\n\r\n: a comment\r\n\r\ndata:b\r\n\r\n", &["a", "b"]);
        check("data: a\ndata: b\n\n", &["a\nb"]);
        check("data: é漢\n\ndata: last", &["é漢", "last"]);
        check("\n\n\ndata: a\n\n\n", &["a"]);
    }

    #[test]
    fn rejects_an_endless_event() {
        let mut events = EventDecoder::default();
        let megabyte = vec![b'x'; 1 << 20];
        let fed: Vec<_> = (0..5).map(|_| events.feed(&megabyte)).collect();
        assert_eq!((&fed[0], &fed[4]), (&Ok(vec![]), &Err(EventTooLong)));
    }
}
