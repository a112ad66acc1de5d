//! The body of a reply: a stream of events or one JSON document. The body itself decides, as servers send events
//! under many content types, and some ignore that a stream was requested.

use super::sse::{EventDecoder, EventTooLong};
use crate::model::source::MAX_REPLY_BYTES;

/// Longest document, in bytes: JSON writes some characters in six bytes.
const MAX_DOCUMENT_BYTES: usize = 6 * MAX_REPLY_BYTES;

/// An event or the document is longer than any real one.
pub(super) struct BodyTooLong;

/// Decodes a body into JSON texts.
pub(super) enum BodyDecoder {
    /// The first bytes do not decide yet.
    Undecided(Vec<u8>),
    Events(EventDecoder),
    Document(Vec<u8>),
}

impl BodyDecoder {
    pub(super) const fn new() -> Self {
        Self::Undecided(Vec::new())
    }

    /// Adds bytes and returns the data of the events that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, BodyTooLong> {
        match self {
            Self::Undecided(head) => {
                head.extend_from_slice(bytes);
                let head = std::mem::take(head);
                *self = match form(&head) {
                    BodyForm::Undecided => Self::Undecided(head),
                    BodyForm::Document => Self::Document(head),
                    BodyForm::Events => {
                        *self = Self::Events(EventDecoder::default());
                        return self.feed(&head);
                    }
                };
                Ok(Vec::new())
            }
            Self::Events(events) => events.feed(bytes).map_err(|EventTooLong| BodyTooLong),
            Self::Document(document) => {
                document.extend_from_slice(bytes);
                if document.len() > MAX_DOCUMENT_BYTES { Err(BodyTooLong) } else { Ok(Vec::new()) }
            }
        }
    }

    /// Returns the last event, or the document.
    pub(super) fn finish(self) -> Option<String> {
        match self {
            Self::Events(mut events) => events.finish(),
            Self::Undecided(document) | Self::Document(document) => {
                Some(String::from_utf8_lossy(&document).into_owned())
            }
        }
    }

    /// Size of the document so far, in bytes.
    pub(super) const fn document_bytes(&self) -> usize {
        match self {
            Self::Events(_) => 0,
            Self::Undecided(document) | Self::Document(document) => document.len(),
        }
    }
}

enum BodyForm {
    Undecided,
    Events,
    Document,
}

fn form(head: &[u8]) -> BodyForm {
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).trim_ascii_start();
    let fields: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
    if fields.iter().any(|field| head.starts_with(field)) {
        BodyForm::Events
    } else if fields.iter().any(|field| field.starts_with(head)) {
        BodyForm::Undecided
    } else {
        BodyForm::Document
    }
}
