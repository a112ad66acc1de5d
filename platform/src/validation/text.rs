//! Bytes to text: size, UTF-8, and the characters and comments by which two readers of one file could
//! come to see two different programs.

use super::{Finding, MAX_SOURCE_BYTES, finding_at};

/// The bytes as text that every reader splits into the same lines.
pub(super) fn check(source: &[u8]) -> Result<&str, Finding> {
    let at_start = |reason: String| Finding { line: 1, column: 1, reason };
    if source.len() > MAX_SOURCE_BYTES {
        let reason = format!(
            "the file has {} bytes; {MAX_SOURCE_BYTES} are allowed: make it smaller",
            source.len()
        );
        return Err(at_start(reason));
    }
    if source.starts_with(b"\xef\xbb\xbf") {
        return Err(at_start("the file starts with a byte order mark: save it without one".into()));
    }
    let text = match std::str::from_utf8(source) {
        Ok(text) => text,
        Err(error) => {
            let valid = &source[..error.valid_up_to()];
            let valid = std::str::from_utf8(valid).expect("it is valid up to there");
            let byte = source[error.valid_up_to()];
            let reason = format!("byte 0x{byte:02x} is not UTF-8: save the file as UTF-8");
            return Err(finding_at(valid, valid.len(), reason));
        }
    };
    if let Some(offset) = text.find('\0') {
        return Err(finding_at(text, offset, "there is a NUL character: remove it"));
    }
    if let Some(offset) = bare_carriage_return(text) {
        let reason = "there is a carriage return without a newline, which Python takes for the end of \
                      the line and others do not: save the file with Unix line ends";
        return Err(finding_at(text, offset, reason));
    }
    if text.trim().is_empty() {
        return Err(at_start("the file is empty".into()));
    }
    Ok(text)
}

/// A coding cookie (PEP 263) may name UTF-8 and nothing else.
pub(super) fn check_coding(text: &str) -> Result<(), Vec<Finding>> {
    let mut offset = 0;
    for line in text.split_inclusive('\n').take(2) {
        if let Some((position, name)) = cookie(line)
            && !names_utf8(name)
        {
            let reason =
                format!("the coding cookie names '{name}': remove it, and save the file as UTF-8");
            return Err(vec![finding_at(text, offset + position, reason)]);
        }
        // Python looks at the second line only when nothing but a comment stands in the first.
        let code = line.trim_start_matches([' ', '\t', '\x0c']).trim_end();
        if !(code.is_empty() || code.starts_with('#')) {
            break;
        }
        offset += line.len();
    }
    Ok(())
}

/// Where in a comment line an encoding is named, by the rule of its tokenizer.
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

/// Whether Python takes the name for UTF-8.
fn names_utf8(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name == "utf-8" || name == "utf8" || name.starts_with("utf-8-")
}

fn bare_carriage_return(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&at| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
}
