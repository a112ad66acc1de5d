//! Standard deviation, with a tolerance.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numerics, "standard_deviation", "Standard deviation")
        .asks(
            "Implement a function standard_deviation(values: list[float]) -> float that returns \
             the population standard deviation of the values (divide by their number). It raises \
             ValueError for an empty list. A relative error of 1e-6 is allowed.",
        )
        .solved_by(
            r#"
import math


def standard_deviation(values: list[float]) -> float:
    if not values:
        raise ValueError("no values")
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
"#,
        )
        .mutant(
            "divides_by_one_less",
            "in values) / len(values))",
            "in values) / max(1, len(values) - 1))",
        )
        .mutant("variance", "return math.sqrt(", "return (")
        .mutant("nothing_deviates_by_nothing", r#"raise ValueError("no values")"#, "return 0.0")
        .wrong(
            "textbook_formula",
            r#"
def standard_deviation(values):
    if not values:
        raise ValueError("no values")
    n = len(values)
    return (sum(v * v for v in values) / n - (sum(values) / n) ** 2) ** 0.5
"#,
        )
        .example((vec![2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0],), Check::close(2.0, TOLERANCE))
        .example((Vec::<f64>::new(),), Check::raises("ValueError"))
        .case("one_value", (vec![3.5],), Check::close(0.0, TOLERANCE))
        // The textbook formula (mean of squares minus square of the mean) loses all digits here.
        .case("far_from_zero", (vec![1e9, 1e9 + 1.0, 1e9 + 2.0],), deviation(&[0.0, 1.0, 2.0]))
        .generated(30, || (collection::vec(floats(), 1..50),), |(values,)| deviation(values))
}

const TOLERANCE: f64 = 1e-6;

fn deviation(values: &[f64]) -> Check {
    #[allow(clippy::cast_precision_loss, reason = "a list of a few dozen values")]
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    Check::close(variance.sqrt(), TOLERANCE)
}
