//! Python values on the Rust side: what crosses the border between the sandbox and the host.
//!
//! On the wire a value is JSON that loses nothing. `None`, `bool`, `str`, `list`, finite `float`
//! and 64-bit `int` are plain JSON; every other type is an object with a single tag, `{"tuple":
//! [...]}`. Larger integers cross as hex, because Python refuses decimal strings over 4,300 digits
//! and converts them in quadratic time. Whatever is of no listed type crosses as the name of its
//! type.

use std::fmt;

use num_bigint::BigInt;
use num_traits::{Num as _, ToPrimitive as _};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

mod equality;
mod python_json;
mod repr;

pub use python_json::NotJson;

/// Deepest nesting of a value that either side sends. A level costs up to three nested JSON
/// containers (`{"dict":[[k,v]]}`), and the JSON reader stops at 128.
pub const MAX_DEPTH: usize = 40;

/// A Python value.
///
/// There is no `PartialEq`: which values are the same is Python's rule and is asked for by name,
/// with [`Value::equals`].
#[derive(Clone, Debug)]
pub enum Value {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// An integer of any size
    Int(BigInt),
    /// A float, nan and the infinities included
    Float(f64),
    /// `complex`: the real and the imaginary part
    Complex(f64, f64),
    /// A string without lone surrogates
    Str(String),
    /// A string with lone surrogates, as code points: no Rust string can hold it
    BrokenStr(Vec<u32>),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `list`
    List(Vec<Value>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `set`, in no meaningful order
    Set(Vec<Value>),
    /// `frozenset`, in no meaningful order
    FrozenSet(Vec<Value>),
    /// `dict`, in insertion order
    Dict(Vec<(Value, Value)>),
    /// A value of any other type, known by the name of that type only. It equals nothing.
    Opaque(String),
}

impl Value {
    /// A `dict` from its entries.
    pub fn dict<K: Into<Self>, V: Into<Self>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Dict(entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// A `set` from its members, which must differ from each other.
    pub fn set<T: Into<Self>>(members: impl IntoIterator<Item = T>) -> Self {
        Self::Set(members.into_iter().map(Into::into).collect())
    }

    /// A `bytes` object.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// The members of a list or tuple.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// An integer that fits 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(int) => int.to_i64(),
            _ => None,
        }
    }
}

macro_rules! from_integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Value {
            fn from(int: $int) -> Self {
                Self::Int(int.into())
            }
        }
    )*};
}
from_integers!(i8, u8, i16, u16, i32, u32, i64, u64, i128, u128, usize, isize, BigInt);

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

macro_rules! from_tuples {
    ($(($($name:ident),+)),*) => {$(
        impl<$($name: Into<Value>),+> From<($($name,)+)> for Value {
            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn from(($($name,)+): ($($name,)+)) -> Self {
                Self::Tuple(vec![$($name.into()),+])
            }
        }
    )*};
}
from_tuples!((A), (A, B), (A, B, C), (A, B, C, D));

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
            Self::Float(float) => tagged(out, "float", if *float > 0.0 { "inf" } else { "-inf" }),
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
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let tag: String = map.next_key()?.ok_or_else(|| de::Error::custom("an empty tag"))?;
        let value = match tag.as_str() {
            "int" => {
                let hex: String = map.next_value()?;
                let int = BigInt::from_str_radix(&hex, 16).map_err(de::Error::custom)?;
                Value::Int(int)
            }
            "float" => match map.next_value::<String>()?.as_str() {
                "nan" => Value::Float(f64::NAN),
                "inf" => Value::Float(f64::INFINITY),
                "-inf" => Value::Float(f64::NEG_INFINITY),
                other => return Err(de::Error::custom(format!("'{other}' is no float"))),
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
            "opaque" => Value::Opaque(map.next_value()?),
            other => return Err(de::Error::custom(format!("'{other}' is no tag of a value"))),
        };
        if map.next_key::<String>()?.is_some() {
            return Err(de::Error::custom("a tagged value has a single tag"));
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
    pairs.map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: impl Into<Value>, wire: &str) {
        let value = value.into();
        assert_eq!(serde_json::to_string(&value).unwrap(), wire);
        let back: Value = serde_json::from_str(wire).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), wire, "the way back lost something");
    }

    #[test]
    fn every_kind_of_value_crosses_and_comes_back() {
        check(Value::None, "null");
        check(true, "true");
        check(i64::MIN, "-9223372036854775808");
        check(u64::MAX, r#"{"int":"ffffffffffffffff"}"#);
        check(-(BigInt::from(1_u8) << 80_u32), r#"{"int":"-100000000000000000000"}"#);
        check(0.1, "0.1");
        check(1.0, "1.0");
        check(-0.0, "-0.0");
        check(f64::NAN, r#"{"float":"nan"}"#);
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
        check(Value::Opaque("generator".into()), r#"{"opaque":"generator"}"#);
    }

    #[test]
    fn a_float_stays_exactly_what_it_was() {
        for bits in [1, 0x0010_0000_0000_0000, 0x7fef_ffff_ffff_ffff, 0x4340_0000_0000_0001] {
            let float = f64::from_bits(bits);
            let wire = serde_json::to_string(&Value::Float(float)).unwrap();
            let back: Value = serde_json::from_str(&wire).unwrap();
            assert!(matches!(back, Value::Float(b) if b.to_bits() == bits), "{wire}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for wire in [
            "{}",
            r#"{"tuple":[1],"list":[2]}"#,
            r#"{"tuple":1}"#,
            r#"{"int":"x"}"#,
            r#"{"bytes":"0"}"#,
            r#"{"bytes":"zz"}"#,
            r#"{"lambda":[]}"#,
            r#"{"complex":[1.0]}"#,
            r#"{"complex":[1.0,"x"]}"#,
        ] {
            assert!(serde_json::from_str::<Value>(wire).is_err(), "{wire} was accepted");
        }
    }

    #[test]
    fn the_deepest_allowed_value_is_read_and_endless_nesting_is_refused() {
        let deepest = (0..MAX_DEPTH).fold(Value::None, |inner, _| Value::dict([(1, inner)]));
        let wire = serde_json::to_string(&deepest).unwrap();
        serde_json::from_str::<Value>(&wire).unwrap();
        let endless = "[".repeat(100_000);
        assert!(serde_json::from_str::<Value>(&endless).is_err());
    }
}
