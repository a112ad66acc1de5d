//! The Python values that cross between the sandbox and the host, and how Rust values become them.

use num_bigint::BigInt;
use num_traits::ToPrimitive as _;

/// Maximum nesting depth of a value on the wire. A level takes up to three nested JSON containers
/// (`{"dict":[[k,v]]}`), and the JSON reader stops at 128.
pub const MAX_DEPTH: usize = 40;

/// Maximum size of the numerator and of the denominator of a fraction, in bits. Reducing a fraction takes quadratic
/// time.
pub(super) const MAX_FRACTION_BITS: u64 = 1 << 14;

/// A Python value.
///
/// It does not implement `PartialEq`: equality follows Python's rule, so callers name it with
/// [`Value::equals`].
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
    /// A string with lone surrogates, as code points, because a Rust string cannot hold them
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
    /// A number that need not be an integer or a float, as numerator and positive denominator: `fractions.Fraction`,
    /// and `decimal.Decimal`, which Python calls equal to the fraction of the same size. Boxed, because all other values
    /// would be twice as large otherwise
    Fraction(Box<[BigInt; 2]>),
    /// A value of any other type, identified only by its type name. It equals no value.
    Opaque(String),
}

impl Value {
    /// Returns the members that Python's `list(...)` of this value has, or `None` if it raises.
    pub(crate) fn listed(&self) -> Option<Vec<Self>> {
        Some(match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                items.clone()
            }
            Self::Dict(entries) => {
                let mut keys: Vec<Self> = Vec::new();
                for (key, _) in entries {
                    if !keys.iter().any(|known| known.equals(key)) {
                        keys.push(key.clone());
                    }
                }
                keys
            }
            Self::Str(text) => text.chars().map(|c| Self::Str(c.to_string())).collect(),
            _ => return None,
        })
    }

    /// Returns whether the value has at most this many levels of containers.
    pub(crate) fn is_within_depth(&self, depth: usize) -> bool {
        let within = |mut items: std::slice::Iter<'_, Self>| {
            depth > 0 && items.all(|item| item.is_within_depth(depth - 1))
        };
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                within(items.iter())
            }
            Self::Dict(entries) => {
                depth > 0
                    && entries
                        .iter()
                        .all(|(k, v)| k.is_within_depth(depth - 1) && v.is_within_depth(depth - 1))
            }
            _ => true,
        }
    }

    /// Creates a `dict` from its entries.
    pub fn dict<K: Into<Self>, V: Into<Self>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Dict(entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// Creates a `set` from its members, which must be distinct.
    pub fn set<T: Into<Self>>(members: impl IntoIterator<Item = T>) -> Self {
        Self::Set(members.into_iter().map(Into::into).collect())
    }

    /// Creates a `bytes` object.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// Creates a fraction from its numerator and its positive denominator.
    pub fn fraction(numerator: impl Into<BigInt>, denominator: impl Into<BigInt>) -> Self {
        Self::Fraction(Box::new([numerator.into(), denominator.into()]))
    }

    /// Returns the members of a list or tuple, `None` for any other value.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the integer if the value is an `int` that fits 64 bits.
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
            #[allow(non_snake_case, reason = "the type parameter's name doubles as the variable's")]
            fn from(($($name,)+): ($($name,)+)) -> Self {
                Self::Tuple(vec![$($name.into()),+])
            }
        }
    )*};
}
from_tuples!((A), (A, B), (A, B, C), (A, B, C, D));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_what_python_iterates_over() {
        let check = |value: Value, members: &[&str]| {
            let listed = value.listed().expect("it can be iterated over");
            assert_eq!(listed.iter().map(ToString::to_string).collect::<Vec<_>>(), members);
        };
        check(vec![2, 1, 2].into(), &["2", "1", "2"]);
        check((1, "a").into(), &["1", "'a'"]);
        check(Value::set([1]), &["1"]);
        check(Value::FrozenSet(vec![1.into()]), &["1"]);
        check(
            Value::Dict(vec![(1.into(), 0.into()), (1.0.into(), 0.into()), (2.into(), 0.into())]),
            &["1", "2"],
        );
        check("né".into(), &["'n'", "'é'"]);
        for value in [Value::None, 1.into(), 0.5.into(), true.into(), Value::bytes("a")] {
            assert!(value.listed().is_none() && value.items().is_none(), "{value}");
        }
        assert!(Value::set([1]).items().is_none());
        assert_eq!(Value::from((1, 2)).items().map(<[_]>::len), Some(2));
    }

    #[test]
    fn depth_counts_the_levels_of_containers() {
        let check = |value: Value, depth: usize| {
            assert!(value.is_within_depth(depth), "{value} has more than {depth} levels");
            assert!(depth == 0 || !value.is_within_depth(depth - 1), "{value} has fewer levels");
        };
        let empty = || Value::List(Vec::new());
        check(1.into(), 0);
        check(empty(), 1);
        check(Value::Dict(Vec::new()), 1);
        check(vec![Value::from(1), vec![1].into()].into(), 2);
        check((empty(), vec![empty()]).into(), 3);
        check(Value::Set(vec![(1,).into()]), 2);
        check(Value::FrozenSet(vec![(1,).into()]), 2);
        check(Value::Dict(vec![((1,).into(), 1.into())]), 2);
        check(Value::Dict(vec![(1.into(), 1.into()), (1.into(), vec![empty()].into())]), 3);
    }

    #[test]
    fn only_an_int_of_64_bits_is_one() {
        assert_eq!(Value::from(i64::MIN).as_i64(), Some(i64::MIN));
        assert!(Value::from(u64::MAX).as_i64().is_none() && Value::from(true).as_i64().is_none());
        assert!(matches!(Value::from(None::<i64>), Value::None));
        assert_eq!(Value::from(Some(3)).as_i64(), Some(3));
    }
}
