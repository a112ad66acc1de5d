//! Floats, judged with a tolerance.

suites! {
    standard_deviation,
}
