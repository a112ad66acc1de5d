//! Whole numbers.

suites! {
    fizz_buzz,
    factorial,
    to_base,
    prime_factors,
}
