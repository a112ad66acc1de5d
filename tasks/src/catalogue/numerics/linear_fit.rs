//! Fit a line by least squares.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numerics, "linear_fit", "Fit a line")
        .asks(
            "Implement a function linear_fit(points: list[list[float]]) -> tuple[float, float] \
             that returns the slope and the intercept of the line y = slope * x + intercept for \
             which the sum of the squares of the vertical distances to the points [x, y] is the \
             least. ValueError is raised if there are fewer than two points, or all have the same \
             x. Each number may be wrong by 1e-6, absolutely or relatively, also where the x are \
             large and close together.",
        )
        .solved_by(
            r#"
from math import fsum


def linear_fit(points: list[list[float]]) -> tuple[float, float]:
    if len({x for x, _ in points}) < 2:
        raise ValueError("no line")
    x0, y0 = points[0]
    mean_x = fsum(x - x0 for x, _ in points) / len(points)
    mean_y = fsum(y - y0 for _, y in points) / len(points)
    across = fsum((x - x0 - mean_x) * (y - y0 - mean_y) for x, y in points)
    slope = across / fsum((x - x0 - mean_x) ** 2 for x, _ in points)
    return slope, y0 + mean_y - slope * (x0 + mean_x)
"#,
        )
        .mutant(
            "returns_a_list",
            "return slope, y0 + mean_y - slope * (x0 + mean_x)",
            "return [slope, y0 + mean_y - slope * (x0 + mean_x)]",
        )
        .mutant(
            "intercept_first",
            "return slope, y0 + mean_y - slope * (x0 + mean_x)",
            "return y0 + mean_y - slope * (x0 + mean_x), slope",
        )
        .mutant("through_the_first_point", "y0 + mean_y - slope * (x0 + mean_x)", "y0 - slope * x0")
        .mutant(
            "a_point_is_a_line",
            r#"raise ValueError("no line")"#,
            "return 0.0, points[0][1] if points else 0.0",
        )
        .wrong(
            "loses_all_digits",
            r#"
def linear_fit(points):
    n = len(points)
    sx, sy = sum(x for x, _ in points), sum(y for _, y in points)
    sxx, sxy = sum(x * x for x, _ in points), sum(x * y for x, y in points)
    if n < 2 or n * sxx == sx * sx:
        raise ValueError("no line")
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    return slope, (sy - slope * sx) / n
"#,
        )
        .example((vec![[0.0, 1.0], [1.0, 3.0]],), Check::close((2.0, 1.0), 1e-6))
        .example((vec![[1.0, 1.0]],), Check::raises("ValueError"))
        .case("nothing", (Vec::<[f64; 2]>::new(),), Check::raises("ValueError"))
        .case("upright", (vec![[2.0, 1.0], [2.0, 5.0]],), Check::raises("ValueError"))
        .case("level", (vec![[-0.0, 4.0], [3.0, 4.0], [9.0, 4.0]],), Check::close((0.0, 4.0), 1e-6))
        .generated(24, || (cloud(0.0),), |(points,)| fit(points))
        .generated(12, || (cloud(1e8),), |(points,)| fit(points))
}

/// Points with integral offsets, so that their sums are exact.
fn cloud(start: f64) -> impl Strategy<Value = Vec<[f64; 2]>> {
    let point = (-200_i32..200, -200_i32..200);
    collection::vec(point, 3..30).prop_map(move |points| {
        let shifted = |(x, y): (i32, i32)| [start + f64::from(x), f64::from(y)];
        let mut points: Vec<_> = points.into_iter().map(shifted).collect();
        points.push([start + 201.0, 17.0]);
        points
    })
}

fn fit(points: &[[f64; 2]]) -> Check {
    let whole = |number: f64| BigInt::from(number_of(number));
    let n = BigInt::from(points.len());
    let sum = |of: fn(&[BigInt; 2]) -> BigInt| -> BigInt {
        points.iter().map(|[x, y]| of(&[whole(*x), whole(*y)])).sum()
    };
    let (sx, sy) = (sum(|[x, _]| x.clone()), sum(|[_, y]| y.clone()));
    let (sxx, sxy) = (sum(|[x, _]| x * x), sum(|[x, y]| x * y));
    let below = &n * &sxx - &sx * &sx;
    let slope = ratio(&(&n * &sxy - &sx * &sy), &below);
    let intercept = ratio(&(&sy * &sxx - &sx * &sxy), &below);
    Check::close((slope, intercept), 1e-6)
}

#[allow(clippy::cast_possible_truncation, reason = "the points are at whole numbers below 10^9")]
fn number_of(whole: f64) -> i64 {
    whole as i64
}

fn ratio(above: &BigInt, below: &BigInt) -> f64 {
    use num_traits::ToPrimitive as _;
    above.to_f64().expect("the sums fit a float") / below.to_f64().expect("the sums fit a float")
}
