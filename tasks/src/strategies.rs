//! Strategies that draw boundary values: empty and huge ones, characters beyond the basic plane, combining
//! marks, negative zero, integers beyond 64 bits.

use num_bigint::{BigInt, Sign};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, sample};

use crate::value::Value;

/// A `bytes` argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes.0)
    }
}

/// Texts of up to `longest` characters: mostly plain ones, often with unusual characters.
pub fn texts(longest: usize) -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        4 => proptest::char::range('a', 'z'),
        1 => proptest::char::range('A', 'Z'),
        1 => proptest::char::range('0', '9'),
        1 => Just(' '),
    ];
    let odd = sample::select(vec![
        'é',
        'ß',
        'İ',
        'ﬁ',
        'Ω',
        '漢',
        '😀',
        '\u{1d54f}',
        '\u{10ffff}',
        '\u{301}',
        '\u{200d}',
        '\u{a0}',
        '\u{2028}',
        '\t',
        '\n',
        '\0',
        '\'',
        '"',
        '\\',
        '%',
    ]);
    let mixed = prop_oneof![3 => plain.clone(), 1 => odd];
    let text = |chars: Vec<char>| chars.into_iter().collect::<String>();
    prop_oneof![
        1 => collection::vec(mixed.clone(), 0..2).prop_map(text),
        4 => collection::vec(plain, 0..=longest).prop_map(text),
        5 => collection::vec(mixed, 0..=longest).prop_map(text),
    ]
}

/// Integers of every size, including the limits of machine words.
pub fn ints() -> impl Strategy<Value = BigInt> {
    let border = (sample::select(vec![8_u32, 16, 31, 32, 53, 63, 64, 128]), -1_i8..=1);
    prop_oneof![
        4 => (-100_i64..=100).prop_map(BigInt::from),
        2 => any::<i64>().prop_map(BigInt::from),
        2 => (border, any::<bool>()).prop_map(|((bits, off), minus)| {
            let border = (BigInt::from(1) << bits) + off;
            if minus { -border } else { border }
        }),
        2 => (any::<bool>(), collection::vec(any::<u32>(), 3..9)).prop_map(|(minus, digits)| {
            BigInt::from_slice(if minus { Sign::Minus } else { Sign::Plus }, &digits)
        }),
    ]
}

/// Finite floats: ordinary, integral, tiny and large ones, and both zeros.
pub fn floats() -> impl Strategy<Value = f64> {
    prop_oneof![
        5 => -1e3..1e3,
        2 => (-1000_i32..1000).prop_map(f64::from),
        1 => -1e12..1e12,
        1 => -1e-6..1e-6,
        1 => sample::select(vec![0.0, -0.0, 1.0, -1.0, 0.1, 1e15]),
    ]
}
