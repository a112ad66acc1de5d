//! The wire form of values: JSON that preserves every value exactly.
//!
//! `None`, `bool`, `str`, `list`, finite `float` and 64-bit `int` are plain JSON. Every other type is an
//! object with a single tag, such as `{"tuple": [...]}`. Larger integers cross as hex, because Python
//! refuses decimal strings of more than 4,300 digits and converts them in quadratic time. A value of an
//! unlisted type crosses as the name of its type.

use std::fmt;

use num_bigint::BigInt;
use num_traits::{Num as _, Signed as _, ToPrimitive as _};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::types::{MAX_FRACTION_BITS, Value};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => out.serialize_unit(),
            Self::Bool(value) => out.serialize_bool(*value),
            Self::Int(int) => match int.to_i64() {
                Some(small) => out.serialize_i64(small),
                None => tagged(out, "int", &int.to_str_radix(16)),
            },
            Self::Float(float) if float.is_finite() => out.serialize_f64(*float),
            Self::Float(float) if float.is_nan() => tagged(out, "float", "nan"),
            Self::Float(float) => {
                tagged(out, "float", if float.is_sign_positive() { "inf" } else { "-inf" })
            }
            Self::Complex(real, imaginary) => {
                tagged(out, "complex", &[Self::Float(*real), Self::Float(*imaginary)])
            }
            Self::Str(text) => out.serialize_str(text),
            Self::BrokenStr(points) => tagged(out, "str", points),
            Self::Bytes(bytes) => tagged(out, "bytes", &to_hex(bytes)),
            Self::List(items) => {
                let mut list = out.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Tuple(items) => tagged(out, "tuple", items),
            Self::Set(items) => tagged(out, "set", items),
            Self::FrozenSet(items) => tagged(out, "frozenset", items),
            Self::Dict(entries) => tagged(out, "dict", entries),
            Self::Fraction(parts) => {
                tagged(out, "fraction", &parts.each_ref().map(|part| Self::Int(part.clone())))
            }
            Self::Opaque(name) => tagged(out, "opaque", name),
        }
    }
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(
    out: S,
    tag: &str,
    payload: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = out.serialize_map(Some(1))?;
    map.serialize_entry(tag, payload)?;
    map.end()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an encoded Python value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Str(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        // An agent may send a value of many short lists, for which a `Vec` would reserve several times the memory.
        let mut items = Vec::with_capacity(1);
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        items.shrink_to_fit();
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let tag: String =
            map.next_key()?.ok_or_else(|| de::Error::custom("a value object must have a tag"))?;
        let value = match tag.as_str() {
            "int" => {
                let hex: String = map.next_value()?;
                // `from_str_radix` alone would take a plus sign and underscores.
                let digits = hex.strip_prefix('-').unwrap_or(&hex);
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return Err(de::Error::custom("an int must be hex"));
                }
                Value::Int(BigInt::from_str_radix(&hex, 16).map_err(de::Error::custom)?)
            }
            "float" => match map.next_value::<String>()?.as_str() {
                "nan" => Value::Float(f64::NAN),
                "inf" => Value::Float(f64::INFINITY),
                "-inf" => Value::Float(f64::NEG_INFINITY),
                other => return Err(de::Error::custom(format!("unknown float '{other}'"))),
            },
            "complex" => match map.next_value::<[Value; 2]>()? {
                [Value::Float(real), Value::Float(imaginary)] => Value::Complex(real, imaginary),
                _ => return Err(de::Error::custom("a complex number has two floats")),
            },
            "str" => Value::BrokenStr(map.next_value()?),
            "bytes" => {
                let hex: String = map.next_value()?;
                Value::Bytes(from_hex(&hex).ok_or_else(|| de::Error::custom("bytes must be hex"))?)
            }
            "tuple" => Value::Tuple(map.next_value()?),
            "set" => Value::Set(map.next_value()?),
            "frozenset" => Value::FrozenSet(map.next_value()?),
            "dict" => Value::Dict(map.next_value()?),
            "fraction" => match map.next_value::<[Value; 2]>()? {
                [Value::Int(numerator), Value::Int(denominator)]
                    if denominator.is_positive()
                        && numerator.bits().max(denominator.bits()) <= MAX_FRACTION_BITS =>
                {
                    Value::fraction(numerator, denominator)
                }
                _ => return Err(de::Error::custom("a fraction has two ints, the second above 0")),
            },
            "opaque" => Value::Opaque(map.next_value()?),
            other => return Err(de::Error::custom(format!("unknown value tag '{other}'"))),
        };
        if map.next_key::<String>()?.is_some() {
            return Err(de::Error::custom("a value object must have a single tag"));
        }
        Ok(value)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String does not fail");
        hex
    })
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(nibble(pair[0])? * 16 + nibble(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::types::MAX_DEPTH;
    use super::*;

    fn check(value: impl Into<Value>, wire: &str) {
        let value = value.into();
        assert_eq!(serde_json::to_string(&value).unwrap(), wire);
        let back: Value = serde_json::from_str(wire).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), wire, "the round trip changed the value");
    }

    #[test]
    fn lists_take_no_more_memory_than_their_items() {
        assert!(size_of::<Value>() <= 32, "{}", size_of::<Value>());
        let value: Value = serde_json::from_str("[[], [1], [1, 2, 3, 4, 5]]").unwrap();
        let Value::List(lists) = value else { panic!("{value}") };
        let capacity = |list: &Value| match list {
            Value::List(items) => items.capacity(),
            _ => panic!("{list}"),
        };
        assert_eq!(lists.capacity(), 3);
        assert_eq!(lists.iter().map(capacity).collect::<Vec<_>>(), [0, 1, 5]);
    }

    #[test]
    fn every_kind_of_value_survives_a_round_trip() {
        check(Value::None, "null");
        check(true, "true");
        check(i64::MIN, "-9223372036854775808");
        check(u64::MAX, r#"{"int":"ffffffffffffffff"}"#);
        check(-(BigInt::from(1_u8) << 80_u32), r#"{"int":"-100000000000000000000"}"#);
        check(0.1, "0.1");
        check(1.0, "1.0");
        check(-0.0, "-0.0");
        check(f64::NAN, r#"{"float":"nan"}"#);
        check(f64::INFINITY, r#"{"float":"inf"}"#);
        check(f64::NEG_INFINITY, r#"{"float":"-inf"}"#);
        check(Value::Complex(1.0, -0.5), r#"{"complex":[1.0,-0.5]}"#);
        check(Value::Complex(f64::NAN, 0.0), r#"{"complex":[{"float":"nan"},0.0]}"#);
        check("a\u{1f600}\n", "\"a\u{1f600}\\n\"");
        check(Value::BrokenStr(vec![0x61, 0xd800]), r#"{"str":[97,55296]}"#);
        check(Value::bytes([0, 255]), r#"{"bytes":"00ff"}"#);
        check(vec![1, 2], "[1,2]");
        check((1, "x"), r#"{"tuple":[1,"x"]}"#);
        check(Value::set([1]), r#"{"set":[1]}"#);
        check(Value::FrozenSet(vec![]), r#"{"frozenset":[]}"#);
        check(Value::dict([((1, 2), Value::None)]), r#"{"dict":[[{"tuple":[1,2]},null]]}"#);
        check(Value::fraction(-1, 3), r#"{"fraction":[-1,3]}"#);
        check(Value::Opaque("generator".into()), r#"{"opaque":"generator"}"#);
    }

    #[test]
    fn floats_survive_bit_for_bit() {
        for bits in [1, 0x0010_0000_0000_0000, 0x7fef_ffff_ffff_ffff, 0x4340_0000_0000_0001] {
            let float = f64::from_bits(bits);
            let wire = serde_json::to_string(&Value::Float(float)).unwrap();
            let back: Value = serde_json::from_str(&wire).unwrap();
            assert!(matches!(back, Value::Float(b) if b.to_bits() == bits), "{wire}");
        }
    }

    #[test]
    fn rejects_malformed_values() {
        for wire in [
            "{}",
            r#"{"tuple":[1],"list":[2]}"#,
            r#"{"tuple":1}"#,
            r#"{"int":"x"}"#,
            r#"{"int":"+1"}"#,
            r#"{"int":"1_0"}"#,
            r#"{"int":"-"}"#,
            r#"{"bytes":"0"}"#,
            r#"{"bytes":"zz"}"#,
            r#"{"lambda":[]}"#,
            r#"{"complex":[1.0]}"#,
            r#"{"complex":[1.0,"x"]}"#,
            r#"{"fraction":[1]}"#,
            r#"{"fraction":[1,0]}"#,
            r#"{"fraction":[1,-2]}"#,
            r#"{"fraction":[1,2.0]}"#,
            &format!(r#"{{"fraction":[1,{{"int":"1{}"}}]}}"#, "0".repeat(5000)),
        ] {
            assert!(serde_json::from_str::<Value>(wire).is_err(), "{wire} was accepted");
        }
    }

    #[test]
    fn accepts_the_maximum_depth_and_rejects_endless_nesting() {
        let deepest = (0..MAX_DEPTH).fold(Value::None, |inner, _| Value::dict([(1, inner)]));
        let wire = serde_json::to_string(&deepest).unwrap();
        serde_json::from_str::<Value>(&wire).unwrap();
        let endless = "[".repeat(100_000);
        assert!(serde_json::from_str::<Value>(&endless).is_err());
    }
}
