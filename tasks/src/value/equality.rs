//! Equality of values.
//!
//! It is Python's own `==` (`1 == 1.0 == True`, `(1,) != [1]`, a set equals a frozenset), except that nan
//! equals nan. Both sides are converted to a canonical form and the forms are compared, so the rule is
//! written once and comparing sets and dicts takes no quadratic search.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{FromPrimitive as _, One as _, ToPrimitive as _};

use super::types::Value;

/// Significant bits of a float.
const FLOAT_BITS: u64 = 53;
/// The smallest positive float is 1, halved this many times.
const FLOAT_HALVINGS: i32 = 1074;

/// The form in which equal values are identical. `Ord` sorts the members of sets and dicts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Canonical<'a> {
    None,
    /// Every integral number: bools, ints, and floats without a fraction
    Integral(BigInt),
    /// A float with a fraction or an infinity by its bits; every nan is the same
    Fractional(u64),
    /// A number that is neither integral nor exact as a float: a reduced fraction
    Fraction(Box<[BigInt; 2]>),
    /// A complex number that is not real: the two parts by their bits
    Complex([u64; 2]),
    Str(&'a str),
    BrokenStr(&'a [u32]),
    Bytes(&'a [u8]),
    List(Vec<Canonical<'a>>),
    Tuple(Vec<Canonical<'a>>),
    /// Set or frozenset, sorted
    Set(Vec<Canonical<'a>>),
    /// Entries, sorted
    Dict(Vec<(Canonical<'a>, Canonical<'a>)>),
}

impl Value {
    /// Returns whether Python considers the two equal, with nan equal to nan. An opaque value equals no
    /// value.
    pub fn equals(&self, other: &Self) -> bool {
        match (self.canonical(), other.canonical()) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => false,
        }
    }

    /// Returns whether the two are equal and have the same types at every level (`1` is not `1.0`).
    pub fn equals_exactly(&self, other: &Self) -> bool {
        self.equals(other) && self.same_types(other)
    }

    /// Returns whether the two are equal except that numbers may differ by `absolute` or, relative to the
    /// larger of the two, by `relative`. Containers must have the same shape and order.
    pub fn is_close(&self, other: &Self, absolute: f64, relative: f64) -> bool {
        let all = |mine: &[Self], theirs: &[Self]| {
            mine.len() == theirs.len()
                && mine.iter().zip(theirs).all(|(m, t)| m.is_close(t, absolute, relative))
        };
        match (self, other) {
            (Self::List(mine), Self::List(theirs)) | (Self::Tuple(mine), Self::Tuple(theirs)) => {
                all(mine, theirs)
            }
            (Self::Dict(mine), Self::Dict(theirs)) => {
                mine.len() == theirs.len()
                    && mine.iter().all(|(key, value)| {
                        let same_key = theirs.iter().find(|(other_key, _)| key.equals(other_key));
                        same_key.is_some_and(|(_, v)| value.is_close(v, absolute, relative))
                    })
            }
            _ => match (self.as_f64(), other.as_f64()) {
                (Some(a), Some(b)) if a.is_finite() && b.is_finite() => {
                    (a - b).abs() <= absolute.max(relative * a.abs().max(b.abs()))
                }
                _ => self.equals(other),
            },
        }
    }

    /// Returns whether the two are lists or tuples with the same members in any order, repeats included.
    pub fn equals_in_any_order(&self, other: &Self) -> bool {
        let sorted = |value: &Self| Self::Set(value.items().map(<[_]>::to_vec).unwrap_or_default());
        match (self, other) {
            (Self::List(_), Self::List(_)) | (Self::Tuple(_), Self::Tuple(_)) => {
                sorted(self).equals(&sorted(other))
            }
            _ => self.equals(other),
        }
    }

    /// Returns whether the two are sets with the same members, ignoring repeated members. It sorts, so its
    /// time is quasilinear in the size of the larger one.
    pub(crate) fn equals_but_for_repeats(&self, other: &Self) -> bool {
        match (self.canonical(), other.canonical()) {
            (Some(Canonical::Set(mut mine)), Some(Canonical::Set(mut theirs))) => {
                mine.dedup();
                theirs.dedup();
                mine == theirs
            }
            _ => false,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(int) => int.to_f64(),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    fn canonical(&self) -> Option<Canonical<'_>> {
        fn all(items: &[Value]) -> Option<Vec<Canonical<'_>>> {
            // `collect` does not know how many there will be, and would reserve too much for short lists.
            let mut forms = Vec::with_capacity(items.len());
            for item in items {
                forms.push(item.canonical()?);
            }
            Some(forms)
        }
        Some(match self {
            Self::None => Canonical::None,
            Self::Bool(value) => Canonical::Integral(u8::from(*value).into()),
            Self::Int(int) => Canonical::Integral(int.clone()),
            Self::Float(float) => return real(*float),
            // In Python a complex number with imaginary part 0 equals its real part.
            Self::Complex(part, 0.0) => return real(*part),
            Self::Complex(real, imaginary) => Canonical::Complex([bits(*real), bits(*imaginary)]),
            Self::Str(text) => Canonical::Str(text),
            Self::BrokenStr(points) => Canonical::BrokenStr(points),
            Self::Bytes(bytes) => Canonical::Bytes(bytes),
            Self::List(items) => Canonical::List(all(items)?),
            Self::Tuple(items) => Canonical::Tuple(all(items)?),
            Self::Set(items) | Self::FrozenSet(items) => {
                let mut members = all(items)?;
                members.sort_unstable();
                Canonical::Set(members)
            }
            Self::Dict(entries) => {
                let entries = entries.iter().map(|(k, v)| Some((k.canonical()?, v.canonical()?)));
                let mut entries: Vec<_> = entries.collect::<Option<_>>()?;
                entries.sort_unstable();
                Canonical::Dict(entries)
            }
            Self::Fraction(parts) => fraction(&parts[0], &parts[1]),
            Self::Opaque(_) => return None,
        })
    }

    /// Returns whether two equal values have the same types. Members of sets and dicts are paired by
    /// sorting, which gives equal members the same position on both sides.
    fn same_types(&self, other: &Self) -> bool {
        fn sorted<T>(items: &[T], key: impl Fn(&T) -> &Value) -> Vec<&T> {
            let mut keyed: Vec<_> = items.iter().map(|i| (key(i).canonical(), i)).collect();
            keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            keyed.into_iter().map(|(_, item)| item).collect()
        }
        match (self, other) {
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => {
                a.iter().zip(b).all(|(a, b)| a.same_types(b))
            }
            (Self::Set(a), Self::Set(b)) | (Self::FrozenSet(a), Self::FrozenSet(b)) => {
                let pairs = sorted(a, |v| v).into_iter().zip(sorted(b, |v| v));
                pairs.into_iter().all(|(a, b)| a.same_types(b))
            }
            (Self::Dict(a), Self::Dict(b)) => {
                let pairs = sorted(a, |e| &e.0).into_iter().zip(sorted(b, |e| &e.0));
                pairs.into_iter().all(|(a, b)| a.0.same_types(&b.0) && a.1.same_types(&b.1))
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// The canonical form of a float; an integral one equals the integer.
fn real(float: f64) -> Option<Canonical<'static>> {
    if float.fract() == 0.0 {
        BigInt::from_f64(float).map(Canonical::Integral)
    } else {
        Some(Canonical::Fractional(bits(float)))
    }
}

/// The canonical form of a fraction, which equals the integer or the float that is exactly as large.
fn fraction(numerator: &BigInt, denominator: &BigInt) -> Canonical<'static> {
    let common = numerator.gcd(denominator);
    let (numerator, denominator) = (numerator / &common, denominator / &common);
    if denominator.is_one() {
        return Canonical::Integral(numerator);
    }
    // Every float with a fraction is an odd number of at most FLOAT_BITS divided by a power of two.
    let halvings = denominator.trailing_zeros().filter(|zeros| zeros + 1 == denominator.bits());
    let halvings = halvings.and_then(|halvings| halvings.to_i32()).filter(|h| *h <= FLOAT_HALVINGS);
    match (numerator.to_f64(), halvings) {
        (Some(float), Some(halvings)) if numerator.bits() <= FLOAT_BITS => {
            // In two steps, because the smallest power of two is not a normal float.
            let half = halvings / 2;
            Canonical::Fractional(bits(float * 2_f64.powi(-half) * 2_f64.powi(half - halvings)))
        }
        _ => Canonical::Fraction(Box::new([numerator, denominator])),
    }
}

/// The bits of a float, with one pattern for every nan and for both zeros.
fn bits(float: f64) -> u64 {
    if float.is_nan() { f64::NAN.to_bits() } else { (float + 0.0).to_bits() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: impl Into<Value>, b: impl Into<Value>, equal: bool) {
        let (a, b) = (a.into(), b.into());
        assert_eq!(a.equals(&b), equal, "{a} == {b}");
        assert_eq!(b.equals(&a), equal, "{b} == {a}");
    }

    #[test]
    fn equality_follows_python() {
        check(1, 1.0, true);
        check(1, true, true);
        check(0, -0.0, true);
        check(0, false, true);
        check(0, Value::None, false);
        check(1, "1", false);
        check(0.5, 0.25, false);
        check((1_i64 << 53) + 1, 9_007_199_254_740_992.0, false);
        check(f64::INFINITY, f64::NEG_INFINITY, false);
        check(f64::INFINITY, f64::INFINITY, true);
        check((1,), vec![1], false);
        check(vec![1, 2], vec![2, 1], false);
        check("a", Value::bytes("a"), false);
        check("é", "e\u{301}", false);
        check(Value::set([1, 2]), Value::FrozenSet(vec![2.into(), 1.0.into()]), true);
        check(Value::set([1]), vec![1], false);
        check(Value::dict([(1, "a"), (2, "b")]), Value::dict([(2, "b"), (1, "a")]), true);
        check(Value::dict([(1, "a")]), Value::dict([(1, "b")]), false);
        check(Value::BrokenStr(vec![0xd800]), Value::BrokenStr(vec![0xd800]), true);
        check(Value::Complex(2.0, 0.0), 2, true);
        check(Value::Complex(0.0, 1.5), Value::Complex(-0.0, 1.5), true);
        check(Value::Complex(2.0, 1.0), 2, false);
        let fraction = |n: i64, d: i64| Value::fraction(n, d);
        check(fraction(1, 2), 0.5, true);
        check(fraction(2, 4), fraction(1, 2), true);
        check(fraction(6, 3), 2, true);
        check(fraction(1, 1), true, true);
        check(fraction(0, 7), -0.0, true);
        check(fraction(1, 2), Value::Complex(0.5, 0.0), true);
        check(fraction(1, 10), 0.1, false);
        check(fraction(3_602_879_701_896_397, 1 << 55), 0.1, true);
        check(fraction((1 << 54) + 1, 2), 9_007_199_254_740_992.0, false);
        // The nearest float is 0.5.
        check(fraction((1 << 54) + 1, 1 << 55), 0.5, false);
        let smallest = Value::fraction(1, BigInt::from(1) << 1074_u32);
        check(smallest.clone(), f64::from_bits(1), true);
        check(Value::fraction(1, BigInt::from(1) << 1075_u32), smallest, false);
        check(Value::set([fraction(1, 2)]), Value::set([0.5]), true);
        check(Value::dict([(fraction(4, 2), 1)]), Value::dict([(2, 1)]), true);
    }

    #[test]
    fn canonical_lists_take_no_more_memory_than_their_items() {
        assert!(size_of::<Canonical<'_>>() <= 32, "{}", size_of::<Canonical<'_>>());
        let value = Value::from(vec![1, 2, 3]);
        let Some(Canonical::List(forms)) = value.canonical() else { panic!("{value}") };
        assert_eq!(forms.capacity(), 3);
    }

    #[test]
    fn nan_equals_nan() {
        check(f64::NAN, f64::NAN, true);
        check(vec![f64::NAN], vec![-f64::NAN], true);
        check(f64::NAN, 0.0, false);
    }

    #[test]
    fn opaque_values_equal_nothing() {
        let opaque = || Value::Opaque("Liar".into());
        check(opaque(), opaque(), false);
        check(vec![opaque()], vec![opaque()], false);
        assert!(!opaque().is_close(&opaque(), 1.0, 1.0));
        assert!(!opaque().equals_in_any_order(&opaque()));
    }

    #[test]
    fn exact_equality_compares_types() {
        let exact = |a: Value, b: Value| a.equals_exactly(&b);
        assert!(exact(1.into(), 1.into()));
        assert!(!exact(1.into(), 1.0.into()));
        assert!(!exact(vec![1].into(), vec![true].into()));
        assert!(!exact(Value::set([1]), Value::FrozenSet(vec![1.into()])));
        assert!(exact(Value::set([1, 2]), Value::set([2, 1])));
        assert!(!exact(Value::set([1, 2]), Value::set([2.0, 1.0])));
        assert!(!exact(Value::FrozenSet(vec![1.into()]), Value::FrozenSet(vec![true.into()])));
        assert!(!exact(Value::dict([(1, 1)]), Value::dict([(1, 1.0)])));
    }

    #[test]
    fn tolerance_applies_to_numbers_only() {
        let close = |a: Value, b: Value| a.is_close(&b, 1e-9, 1e-9);
        assert!(close(0.3.into(), (0.1 + 0.2).into()));
        assert!(close(1.into(), 1.000_000_000_1.into()));
        assert!(!close(1.into(), 1.1.into()));
        assert!(close(vec![0.3].into(), vec![0.1 + 0.2].into()));
        assert!(!close(vec![0.3].into(), (0.3,).into()));
        assert!(!close(f64::NAN.into(), 1.0.into()));
        assert!(close(f64::INFINITY.into(), f64::INFINITY.into()));
        assert!(!close(f64::INFINITY.into(), f64::NEG_INFINITY.into()));
        // The difference is as large as any tolerance relative to it.
        assert!(!close(f64::INFINITY.into(), 1.0.into()));
        assert!(!close(1.0.into(), f64::INFINITY.into()));
        assert!(close(Value::dict([("a", 0.3)]), Value::dict([("a", 0.1 + 0.2)])));
        // Every member counts, and so does their number.
        let list = |members: &[f64]| Value::from(members.to_vec());
        assert!(!close(list(&[0.3, 1.0]), list(&[0.3, 2.0])));
        assert!(!close(list(&[0.3]), list(&[0.3, 1.0])));
        let dict = |entries: &[(i64, f64)]| Value::dict(entries.to_vec());
        assert!(!close(dict(&[(1, 0.3)]), dict(&[(1, 0.4)])));
        assert!(!close(dict(&[(1, 0.3)]), dict(&[(1, 0.3), (2, 1.0)])));
        assert!(!close(dict(&[(1, 0.3)]), dict(&[(2, 0.3)])));
    }

    #[test]
    fn repeats_are_ignored_only_in_sets() {
        let same = |a: &[i64], b: &[i64]| {
            Value::set(a.to_vec()).equals_but_for_repeats(&Value::set(b.to_vec()))
        };
        assert!(same(&[2, 1, 2, 2], &[1, 2]) && same(&[], &[]));
        assert!(!same(&[1, 2], &[1]) && !same(&[1], &[2]));
        assert!(!Value::from(vec![1]).equals_but_for_repeats(&vec![1].into()));
    }

    #[test]
    fn any_order_counts_repeated_members() {
        let same = |a: Value, b: Value| a.equals_in_any_order(&b);
        assert!(same(vec![1, 2, 2].into(), vec![2, 1, 2].into()));
        assert!(!same(vec![1, 2, 2].into(), vec![1, 1, 2].into()));
        assert!(!same(vec![1].into(), (1,).into()));
    }
}
