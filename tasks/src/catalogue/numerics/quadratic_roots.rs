//! Real roots of a quadratic equation without cancellation.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numerics, "quadratic_roots", "Quadratic equation")
        .asks(
            "Implement a function quadratic_roots(a: float, b: float, c: float) -> list[float] \
             that returns the real solutions of a*x*x + b*x + c = 0, in ascending order, each \
             once. If a is 0 the equation is linear; if a and b are both 0, ValueError is raised. \
             Each solution may be wrong by 1e-9 relatively, also where b*b is much greater than \
             4*a*c. No case has a discriminant b*b - 4*a*c other than 0 that is near 0 compared \
             with b*b + abs(4*a*c).",
        )
        .solved_by(
            r#"
import math


def quadratic_roots(a: float, b: float, c: float) -> list[float]:
    if a == 0 and b == 0:
        raise ValueError("no equation")
    if a == 0:
        return [-c / b]
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        return []
    if discriminant == 0:
        return [-b / (2 * a)]
    q = -(b + math.copysign(math.sqrt(discriminant), b)) / 2
    return sorted([q / a, c / q])
"#,
        )
        .mutant(
            "cancels",
            "sorted([q / a, c / q])",
            "sorted((-b + sign * math.sqrt(discriminant)) / (2 * a) for sign in (-1, 1))",
        )
        .mutant("twice_the_same", "return [-b / (2 * a)]", "return [-b / (2 * a)] * 2")
        .mutant("unsorted", "sorted([q / a, c / q])", "sorted([q / a, c / q], reverse=True)")
        .mutant("never_linear", "    if a == 0:\n        return [-c / b]\n", "")
        .mutant("half_of_them", "/ 2\n    return", "\n    return")
        .example((1.0, -3.0, 2.0), roots(&[1.0, 2.0]))
        .example((1.0, 0.0, 1.0), roots(&[]))
        .example((0.0, 0.0, 1.0), Check::raises("ValueError"))
        .case("linear", (0.0, 2.0, -8.0), roots(&[4.0]))
        .case("one", (1.0, -2.0, 1.0), roots(&[1.0]))
        .case("negative_zero", (-0.0, -0.0, 1.0), Check::raises("ValueError"))
        .generated(28, factors, |(a, b, c)| solved(*a, *b, *c))
        .generated(12, far_apart, |(a, b, c)| solved(*a, *b, *c))
        .generated(6, || (10_i32..500, -19_i32..20, 10_i32..500), |_| roots(&[]))
}

/// Equations with small integral roots, sometimes only one.
fn factors() -> impl Strategy<Value = (f64, f64, f64)> {
    (-9_i32..9, -60_i32..60, -60_i32..60).prop_map(|(a, x, y)| {
        let a = if a == 0 { 1 } else { a };
        (f64::from(a), f64::from(-a * (x + y)), f64::from(a * x * y))
    })
}

/// Equations whose roots differ by a factor of about 10^9.
fn far_apart() -> impl Strategy<Value = (f64, f64, f64)> {
    (1_u32..1000, 1_u32..1000, any::<bool>()).prop_map(|(b, c, minus)| {
        let b = f64::from(b) * 1e6;
        (1.0, if minus { -b } else { b }, f64::from(c))
    })
}

fn solved(a: f64, b: f64, c: f64) -> Check {
    let root = (b * b - 4.0 * a * c).sqrt();
    if root == 0.0 {
        return roots(&[-b / (2.0 * a)]);
    }
    let larger = -f64::midpoint(b, root.copysign(b));
    let two = [larger / a, c / larger];
    roots(&[two[0].min(two[1]), two[0].max(two[1])])
}

fn roots(roots: &[f64]) -> Check {
    Check::close_relatively(roots.to_vec(), 1e-9)
}
