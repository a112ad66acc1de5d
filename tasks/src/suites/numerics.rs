//! Floats, judged with a tolerance.

suites! {
    standard_deviation,
    quadratic_roots,
    solve_linear,
    linear_fit,
}
