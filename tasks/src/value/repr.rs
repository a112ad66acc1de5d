//! Python's `repr` of a value, for explanations of failed cases and for examples of tasks.

use std::fmt::{self, Write as _};

use super::types::Value;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            // Decimal conversion takes quadratic time.
            Self::Int(int) if int.bits() > 1 << 16 => write!(f, "{int:#x}"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Float(float) if float.is_nan() => f.write_str("nan"),
            Self::Float(float) if float.is_infinite() => {
                f.write_str(if *float > 0.0 { "inf" } else { "-inf" })
            }
            Self::Float(float) => write!(f, "{float:?}"),
            Self::Complex(real, imaginary) => {
                write!(f, "complex({}, {})", Self::Float(*real), Self::Float(*imaginary))
            }
            Self::Str(text) => string(f, text.chars().map(u32::from)),
            Self::BrokenStr(points) => string(f, points.iter().copied()),
            Self::Bytes(bytes) => {
                f.write_str("b'")?;
                for byte in bytes {
                    write!(f, "{}", byte.escape_ascii())?;
                }
                f.write_char('\'')
            }
            Self::List(items) => sequence(f, "[", items, "]"),
            Self::Tuple(items) if items.len() == 1 => sequence(f, "(", items, ",)"),
            Self::Tuple(items) => sequence(f, "(", items, ")"),
            Self::Set(items) if items.is_empty() => f.write_str("set()"),
            Self::Set(items) => sequence(f, "{", items, "}"),
            Self::FrozenSet(items) if items.is_empty() => f.write_str("frozenset()"),
            Self::FrozenSet(items) => sequence(f, "frozenset({", items, "})"),
            Self::Dict(entries) => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_char('}')
            }
            Self::Fraction(parts) => write!(f, "Fraction({}, {})", parts[0], parts[1]),
            Self::Opaque(name) => write!(f, "<{} object>", name.escape_debug()),
        }
    }
}

fn sequence(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(close)
}

/// Writes a string literal. Printable characters stay; control and combining characters are escaped, so
/// that a value cannot move a terminal's cursor.
fn string(f: &mut fmt::Formatter<'_>, points: impl Iterator<Item = u32> + Clone) -> fmt::Result {
    let has = |c: char| points.clone().any(|point| point == u32::from(c));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    f.write_char(quote)?;
    for point in points {
        match char::from_u32(point) {
            Some(c) if c == quote || c == '\\' => write!(f, "\\{c}")?,
            Some('\n') => f.write_str("\\n")?,
            Some('\r') => f.write_str("\\r")?,
            Some('\t') => f.write_str("\\t")?,
            Some(c) if c == '\'' || c == '"' => f.write_char(c)?,
            // `escape_debug` escapes what does not print or combines with the character before it.
            Some(c) if c.escape_debug().len() == 1 => f.write_char(c)?,
            _ if point < 0x100 => write!(f, "\\x{point:02x}")?,
            _ if point < 0x1_0000 => write!(f, "\\u{point:04x}")?,
            _ => write!(f, "\\U{point:08x}")?,
        }
    }
    f.write_char(quote)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;

    fn check(value: impl Into<Value>, repr: &str) {
        assert_eq!(value.into().to_string(), repr);
    }

    #[test]
    fn values_are_shown_as_python_reprs() {
        check(Value::None, "None");
        check(vec![true, false], "[True, False]");
        check((1,), "(1,)");
        check((1, 2.0), "(1, 2.0)");
        check("it's", r#""it's""#);
        check("a\"b'c\\", r#"'a"b\'c\\'"#);
        check("\n\u{1b}[31m\u{7f}é\u{301}", r"'\n\x1b[31m\x7fé\u0301'");
        check("\u{1f600}", "'\u{1f600}'");
        check(Value::BrokenStr(vec![0x61, 0xd800]), r"'a\ud800'");
        check(Value::bytes([0x61, 0, 0x27]), r"b'a\x00\''");
        check(Value::dict([("a", 1), ("b", 2)]), "{'a': 1, 'b': 2}");
        check(Value::fraction(-1, 10), "Fraction(-1, 10)");
        check(Value::Set(vec![]), "set()");
        check(Value::FrozenSet(vec![1.into()]), "frozenset({1})");
        check(f64::NAN, "nan");
        check(1e300, "1e300");
        check(BigInt::from(-1) << 65_536_u32, &format!("-0x1{}", "0".repeat(16_384)));
    }
}
