//! A reader for JSON as Python's `json` module writes it.
//!
//! It accepts what public data sets contain and standard readers reject or round: integers of any size,
//! `NaN` and the infinities as bare words, and lone surrogates in strings. Objects become dicts.

use super::types::Value;

/// Maximum nesting depth of a document. Python's own reader stops near 1,000.
const JSON_DEPTH: usize = 990;

/// The text is not JSON as Python reads it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at byte {at}: expected {expected}")]
pub struct NotJson {
    /// Offset at which reading stopped, in bytes
    pub at: usize,
    /// What was expected there
    pub expected: &'static str,
}

impl Value {
    /// Reads one JSON document as Python's `json.loads` does.
    pub fn from_python_json(text: &str) -> Result<Self, NotJson> {
        let mut reader = JsonReader { text: text.as_bytes(), at: 0 };
        let value = reader.value(0)?;
        match reader.peek() {
            None => Ok(value),
            Some(_) => Err(reader.expected("the end")),
        }
    }

    /// Returns the entry of a dict under a string key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        // The last entry wins, as in Python.
        let found = entries.iter().rev().find(|(k, _)| matches!(k, Self::Str(k) if k == key));
        found.map(|(_, value)| value)
    }
}

struct JsonReader<'a> {
    text: &'a [u8],
    at: usize,
}

impl JsonReader<'_> {
    fn expected(&self, expected: &'static str) -> NotJson {
        NotJson { at: self.at, expected }
    }

    /// Skips white space and returns the next byte without consuming it.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn takes(&mut self, word: &str) -> bool {
        let takes = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if takes { word.len() } else { 0 };
        takes
    }

    fn value(&mut self, depth: usize) -> Result<Value, NotJson> {
        if depth > JSON_DEPTH {
            return Err(self.expected("less nesting"));
        }
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'[') => {
                let mut items = Vec::new();
                self.members(b']', |reader| {
                    items.push(reader.value(depth + 1)?);
                    Ok(())
                })?;
                Ok(Value::List(items))
            }
            Some(b'{') => {
                let mut entries = Vec::new();
                self.members(b'}', |reader| {
                    let key = match reader.peek() {
                        Some(b'"') => reader.string()?,
                        _ => return Err(reader.expected("a key")),
                    };
                    if reader.peek() != Some(b':') {
                        return Err(reader.expected("':'"));
                    }
                    reader.at += 1;
                    entries.push((key, reader.value(depth + 1)?));
                    Ok(())
                })?;
                Ok(Value::Dict(entries))
            }
            _ => self.word(),
        }
    }

    /// Reads comma-separated members up to the closing bracket.
    fn members(
        &mut self,
        close: u8,
        mut member: impl FnMut(&mut Self) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        self.at += 1;
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            member(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.expected("',' or a closing bracket")),
            }
        }
    }

    /// Reads a number or one of the bare words.
    fn word(&mut self) -> Result<Value, NotJson> {
        for (word, value) in [
            ("null", Value::None),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ] {
            if self.takes(word) {
                return Ok(value);
            }
        }
        let number = self.number();
        let length = number.len();
        let value = if number.contains(['.', 'e', 'E']) {
            number.parse().ok().map(Value::Float)
        } else {
            number.parse().ok().map(Value::Int)
        };
        let value = value.ok_or_else(|| self.expected("a value"))?;
        self.at += length;
        Ok(value)
    }

    /// The number at this place, which is empty if there is none. Rust's own parsers take more than JSON allows.
    fn number(&self) -> &str {
        let rest = &self.text[self.at..];
        let digits = |from: usize| {
            let digits = rest.get(from..).unwrap_or_default().iter();
            from + digits.take_while(|byte| byte.is_ascii_digit()).count()
        };
        let is = |at: usize, bytes: &[u8]| rest.get(at).is_some_and(|byte| bytes.contains(byte));
        let start = usize::from(is(0, b"-"));
        let mut end = if is(start, b"0") { start + 1 } else { digits(start) };
        if end == start {
            return "";
        }
        if is(end, b".") && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if is(end, b"eE") {
            let exponent = end + 1 + usize::from(is(end + 1, b"+-"));
            if digits(exponent) > exponent {
                end = digits(exponent);
            }
        }
        str::from_utf8(&rest[..end]).expect("only ASCII bytes were taken")
    }

    fn string(&mut self) -> Result<Value, NotJson> {
        self.at += 1;
        let mut text = String::new();
        // Set once a lone surrogate was read.
        let mut points: Option<Vec<u32>> = None;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count();
            let more =
                str::from_utf8(&rest[..plain]).expect("the text is UTF-8 and cut at ASCII bytes");
            self.at += plain;
            match &mut points {
                Some(points) => points.extend(more.chars().map(u32::from)),
                None => text.push_str(more),
            }
            match self.text.get(self.at) {
                Some(b'"') => break,
                Some(_) => {}
                None => return Err(self.expected("the end of a string")),
            }
            self.at += 1;
            let point = self.escape()?;
            match (&mut points, char::from_u32(point)) {
                (Some(points), _) => points.push(point),
                (None, Some(c)) => text.push(c),
                (None, None) => {
                    points = Some(text.chars().map(u32::from).chain([point]).collect());
                }
            }
        }
        self.at += 1;
        Ok(points.map_or(Value::Str(text), Value::BrokenStr))
    }

    /// Reads an escape after its backslash and returns the code point.
    fn escape(&mut self) -> Result<u32, NotJson> {
        let escape = self.text.get(self.at).copied();
        let plain = match escape {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'u') => {
                self.at += 1;
                return self.unit_pair();
            }
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(plain.into())
    }

    /// Reads four hex digits, and the second escape of a surrogate pair if there is one.
    fn unit_pair(&mut self) -> Result<u32, NotJson> {
        let first = self.unit()?;
        let before = self.at;
        if (0xd800..0xdc00).contains(&first) && self.takes("\\u") {
            let second = self.unit()?;
            if (0xdc00..0xe000).contains(&second) {
                return Ok(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            }
            self.at = before;
        }
        Ok(first)
    }

    fn unit(&mut self) -> Result<u32, NotJson> {
        let hex = self.text.get(self.at..self.at + 4).and_then(|hex| str::from_utf8(hex).ok());
        let unit = hex
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .ok_or_else(|| self.expected("four hex digits"))?;
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, repr: &str) {
        let value = Value::from_python_json(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(value.to_string(), repr, "{text}");
    }

    #[test]
    fn reads_what_python_writes() {
        check(
            " [1, -2.5, 1e3, 0, -0.5E-1, true, null] ",
            "[1, -2.5, 1000.0, 0, -0.05, True, None]",
        );
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check("[NaN, Infinity, -Infinity]", "[nan, inf, -inf]");
        check(r#"{"a": {"b": []}, "c": {}}"#, "{'a': {'b': []}, 'c': {}}");
        check(r#""a\n\u00e9\ud83d\ude00/\/""#, "'a\\n\u{e9}\u{1f600}//'");
        check(r#""x\ud800y""#, r"'x\ud800y'");
        check(r#""\ud800A""#, r"'\ud800A'");
        check(r#""\ud800\u0041\ud7ff\udc00\n""#, r"'\ud800A\ud7ff\udc00\n'");
        check(r#""\b\f\t\r\"\\""#, r#"'\x08\x0c\t\r"\\'"#);
        check("\"\u{1f600}\"", "'\u{1f600}'");
    }

    #[test]
    fn rejects_invalid_json_with_its_offset() {
        for (text, at) in [
            ("", 0),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("{1: 2}", 1),
            ("{\"a\" 2}", 5),
            ("\"abc", 4),
            (r#""\x""#, 2),
            (r#""\u12g4""#, 3),
            (r#""\u+041""#, 3),
            ("+1", 0),
            ("--1", 0),
            ("-", 0),
            (".5", 0),
            ("01", 1),
            ("1.", 1),
            ("1e", 1),
            ("1_0", 1),
            ("+1.5", 0),
            ("1 2", 2),
            ("nul", 0),
        ] {
            let error = Value::from_python_json(text).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error}");
        }
        assert!(Value::from_python_json(&"[".repeat(100_000)).is_err());
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Value::from_python_json(&nested(JSON_DEPTH)).is_ok());
        assert!(Value::from_python_json(&nested(JSON_DEPTH + 1)).is_err());
        let dicts = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(Value::from_python_json(&dicts(JSON_DEPTH)).is_ok());
        assert!(Value::from_python_json(&dicts(JSON_DEPTH + 1)).is_err());
    }

    #[test]
    fn get_returns_the_last_entry_of_a_key() {
        let value = Value::from_python_json(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
        assert_eq!(value.get("a").and_then(Value::as_i64), Some(3));
        assert!(value.get("c").is_none() && Value::None.get("a").is_none());
    }
}
