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
    if is_notebook(text) {
        let reason = "the file is a Jupyter notebook and not a Python program: export its code with \
                      'jupyter nbconvert --to script'";
        return Err(whole_file(reason));
    }
    Ok(text)
}

/// Returns whether a text is a notebook. Most of them parse as a Python expression.
fn is_notebook(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only the presence of the fields matters")]
    struct Notebook {
        cells: Vec<serde::de::IgnoredAny>,
        nbformat: u64,
    }
    text.trim_start().starts_with('{') && serde_json::from_str::<Notebook>(text).is_ok()
}

/// A coding cookie (PEP 263) may name UTF-8, or ASCII if the file is that, and nothing else.
pub(super) fn check_coding(text: &str) -> Result<(), Violation> {
    let mut offset = 0;
    for line in text.split_inclusive('\n').take(2) {
        if let Some((position, name)) = cookie(line)
            && !(names_utf8(name) || text.is_ascii() && names_ascii(name))
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

/// Returns whether Python reads the name as UTF-8: the tokenizer by the beginning of the name, or the codecs by one
/// of their aliases (Lib/encodings/aliases.py).
fn names_utf8(name: &str) -> bool {
    const ALIASES: [&str; 6] = ["u8", "utf", "utf8", "utf8_ucs2", "utf8_ucs4", "cp65001"];
    let name = normalized(name);
    name == "utf_8" || name.starts_with("utf_8_") || ALIASES.contains(&name.as_str())
}

/// Returns whether Python reads the name as ASCII, by one of the codec's aliases.
fn names_ascii(name: &str) -> bool {
    const ALIASES: [&str; 13] = [
        "ascii",
        "646",
        "ansi_x3.4_1968",
        "ansi_x3_4_1968",
        "ansi_x3.4_1986",
        "cp367",
        "csascii",
        "ibm367",
        "iso646_us",
        "iso_646.irv_1991",
        "iso_ir_6",
        "us",
        "us_ascii",
    ];
    ALIASES.contains(&normalized(name).as_str())
}

/// The name as Python looks it up: in lower case, with one underscore for each run of other characters.
fn normalized(name: &str) -> String {
    let words = name.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("_").to_ascii_lowercase()
}

fn bare_carriage_return(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&at| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
}
