//! Floating-point tasks, judged with a tolerance.

tasks! {
    standard_deviation,
    quadratic_roots,
    solve_linear,
    linear_fit,
}
