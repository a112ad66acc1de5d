//! From bytes to text: size, UTF-8, and the characters and comments through which two readers of one file
//! could see two different programs.

use super::position::{violation_at, whole_file};
use crate::api::{MAX_SOURCE_BYTES, Violation};

/// Returns the bytes as text that every reader splits into the same lines.
pub(super) fn check(source: &[u8]) -> Result<&str, Violation> {
    if source.len() > MAX_SOURCE_BYTES {
        let reason = format!(
            "the file has {} bytes; the maximum is {MAX_SOURCE_BYTES}: make it smaller",
            source.len()
        );
        return Err(whole_file(reason));
    }
    if source.starts_with(b"\xef\xbb\xbf") {
        return Err(whole_file("the file starts with a byte order mark: save it without one"));
    }
    let text = match std::str::from_utf8(source) {
        Ok(text) => text,
        Err(error) => {
            let valid = &source[..error.valid_up_to()];
            let valid = std::str::from_utf8(valid).expect("the prefix is valid");
            let byte = source[error.valid_up_to()];
            let reason = format!("byte 0x{byte:02x} is not UTF-8: save the file as UTF-8");
            return Err(violation_at(valid, valid.len(), reason));
        }
    };
    if let Some(offset) = text.find('\0') {
        return Err(violation_at(text, offset, "NUL character: remove it"));
    }
    if let Some(offset) = bare_carriage_return(text) {
        let reason = "carriage return without a newline, which Python reads as a line end and other \
                      programs do not: save the file with Unix line ends";
        return Err(violation_at(text, offset, reason));
    }
    if text.trim().is_empty() {
        return Err(whole_file("the file is empty"));
    }
    Ok(text)
}

/// A coding cookie (PEP 263) may name UTF-8 and nothing else.
pub(super) fn check_coding(text: &str) -> Result<(), Violation> {
    let mut offset = 0;
    for line in text.split_inclusive('\n').take(2) {
        if let Some((position, name)) = cookie(line)
            && !names_utf8(name)
        {
            let reason =
                format!("the coding cookie names '{name}': remove it, and save the file as UTF-8");
            return Err(violation_at(text, offset + position, reason));
        }
        // Python reads the second line only if the first is blank or a comment.
        let code = line.trim_start_matches([' ', '\t', '\x0c']).trim_end();
        if !(code.is_empty() || code.starts_with('#')) {
            break;
        }
        offset += line.len();
    }
    Ok(())
}

/// Finds the encoding that a comment line names, by the rule of Python's tokenizer, with its byte offset.
fn cookie(line: &str) -> Option<(usize, &str)> {
    let comment = line.trim_start_matches([' ', '\t', '\x0c']);
    if !comment.starts_with('#') {
        return None;
    }
    let skipped = line.len() - comment.len();
    for (position, word) in comment.match_indices("coding") {
        let after = &comment[position + word.len()..];
        let Some(after) = after.strip_prefix([':', '=']) else { continue };
        let name = after.trim_start_matches([' ', '\t']);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = name.find(|c| !allowed(c)).unwrap_or(name.len());
        if end > 0 {
            let start = comment.len() - name.len();
            return Some((skipped + start, &name[..end]));
        }
    }
    None
}

/// Returns whether Python reads the name as UTF-8.
fn names_utf8(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name == "utf-8" || name == "utf8" || name.starts_with("utf-8-")
}

fn bare_carriage_return(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&at| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
}
