//! Removes a model's reasoning and the chat markers of its server from a reply.
//!
//! Tags and markers within string literals are part of the code and stay.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Match, Regex};

/// A reply without the model's reasoning and without the chat markers that misconfigured servers pass on. Reasoning
/// that does not end extends to the end of the reply.
pub fn without_reasoning(reply: &str) -> String {
    let text = without_tagged(after_leading(reply));
    without_markers(&text)
}

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

/// The reply after the reasoning that it begins with. Quotes within that reasoning need not be balanced.
fn after_leading(reply: &str) -> &str {
    static OPENING: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)\A\s*<(think|thinking|thought|reasoning)>"));
    static CLOSING: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)</(think|thinking|thought|reasoning)>"));
    let mut text = reply;
    while let Some(opening) = OPENING.find(text) {
        let reasoning = &text[opening.end()..];
        let Some(closing) = CLOSING.find(reasoning) else { return "" };
        text = &reasoning[closing.end()..];
    }
    text
}

/// The text without reasoning between tags, and without everything before a closing tag that has no opening one:
/// some servers put the opening tag into the prompt.
fn without_tagged(text: &str) -> String {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?P<opening><(think|thinking|thought|reasoning)>)|</(think|thinking|thought|reasoning)>|<\|channel\|>final<\|message\|>",
        )
    });
    let literals = StringLiterals::of(text);
    let mut kept = String::new();
    let (mut from, mut within) = (0, false);
    for found in TAG.captures_iter(text) {
        let tag = found.get_match();
        if literals.contain(&tag) {
            continue;
        }
        if found.name("opening").is_some() {
            if !within {
                kept.push_str(&text[from..tag.start()]);
            }
            within = true;
        } else {
            if !within {
                kept.clear();
            }
            (from, within) = (tag.end(), false);
        }
    }
    if !within {
        kept.push_str(&text[from..]);
    }
    kept
}

fn without_markers(text: &str) -> String {
    static MARKERS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?m)(<\|\w{1,40}\|>)+[ \t]*$|</s>\s*\z"));
    let literals = StringLiterals::of(text);
    let replaced = MARKERS.replace_all(text, |found: &regex::Captures<'_>| {
        let marker = found.get_match();
        if literals.contain(&marker) { marker.as_str().to_owned() } else { String::new() }
    });
    replaced.into_owned()
}

/// The string literals of the Python code in a text, found without parsing it: the text may also be prose.
struct StringLiterals(Vec<Range<usize>>);

impl StringLiterals {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut literals = Vec::new();
        let mut at = 0;
        // For each quote: where the search for an unmatched one may continue.
        let mut unmatched_until = [0, 0];
        while at < bytes.len() {
            let quote = bytes[at];
            let until = &mut unmatched_until[usize::from(quote == b'"')];
            if !matches!(quote, b'"' | b'\'') || at < *until || is_apostrophe(bytes, at) {
                at += 1;
            } else if let Some(end) = literal_end(text, at) {
                literals.push(at..end);
                at = end;
            } else {
                *until = line_end(text, at);
                at += 1;
            }
        }
        Self(literals)
    }

    fn contain(&self, found: &Match<'_>) -> bool {
        let after = self.0.partition_point(|literal| literal.start <= found.start());
        after > 0 && self.0[after - 1].end > found.start()
    }
}

/// Where the literal that begins with the quote at `start` ends, if it does.
fn literal_end(text: &str, start: usize) -> Option<usize> {
    let quote = &text[start..=start];
    let triple = quote.repeat(3);
    if text[start..].starts_with(&triple) {
        let inside = start + 3;
        return Some(inside + text[inside..].find(&triple)? + 3);
    }
    let (bytes, end) = (text.as_bytes(), line_end(text, start));
    let mut at = start + 1;
    while at < end {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote.as_bytes()[0] => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn line_end(text: &str, start: usize) -> usize {
    text[start..].find('\n').map_or(text.len(), |newline| start + newline)
}

/// Returns whether a quote is an apostrophe, as in "don't", and not the quote of a literal such as `f'x'`.
fn is_apostrophe(bytes: &[u8], at: usize) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let word = bytes[..at].iter().rev().take_while(|byte| is_letter(byte)).count();
    let is_prefix = matches!(
        bytes[at - word..at].to_ascii_lowercase().as_slice(),
        b"f" | b"r" | b"b" | b"u" | b"rb" | b"br" | b"fr" | b"rf"
    );
    bytes[at] == b'\'' && word > 0 && !is_prefix && bytes.get(at + 1).is_some_and(is_letter)
}
