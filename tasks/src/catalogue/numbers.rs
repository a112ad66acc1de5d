//! Integer tasks.

tasks! {
    fizz_buzz,
    factorial,
    to_base,
    prime_factors,
}
