//! Solve linear equations, including systems without a unique solution.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numerics, "solve_linear", "Linear equations")
        .asks(
            "Implement a function solve_linear(matrix: list[list[int]], right: list[int]) -> \
             list[float] that returns the numbers x for which, in every row i, the sum of \
             matrix[i][j] * x[j] is right[i]. The matrix is square with 1 to 8 rows; its numbers \
             are whole and less than 100 in size. Each x may be wrong by 1e-6. If there is no \
             solution, or more than one, ValueError is raised.",
        )
        .solved_by(
            r#"
from fractions import Fraction


def solve_linear(matrix: list[list[int]], right: list[int]) -> list[float]:
    rows = [[Fraction(n) for n in row] + [Fraction(r)] for row, r in zip(matrix, right)]
    for i in range(len(rows)):
        pivot = next((k for k in range(i, len(rows)) if rows[k][i]), None)
        if pivot is None:
            raise ValueError("no single solution")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [n / rows[i][i] for n in rows[i]]
        for k in range(len(rows)):
            if k != i:
                rows[k] = [n - rows[k][i] * m for n, m in zip(rows[k], rows[i])]
    return [float(row[-1]) for row in rows]
"#,
        )
        .mutant("never_swaps_rows", "range(i, len(rows)) if", "range(i, i + 1) if")
        .mutant("forgets_the_sign", "n - rows[k][i] * m", "n + rows[k][i] * m")
        .mutant("only_downwards", "if k != i:", "if k > i:")
        .mutant(
            "singular_is_zero",
            r#"raise ValueError("no single solution")"#,
            "return [0.0] * len(rows)",
        )
        .mutant("whole_numbers", "float(row[-1])", "float(round(row[-1]))")
        .example((vec![vec![2, 1], vec![1, -1]], vec![5, 1]), Check::close(vec![2.0, 1.0], 1e-6))
        .example((vec![vec![1, 2], vec![2, 4]], vec![1, 2]), Check::raises("ValueError"))
        .case("one", (vec![vec![4]], vec![2]), Check::close(vec![0.5], 1e-6))
        .case(
            "rows_must_be_swapped",
            (vec![vec![0, 1], vec![1, 0]], vec![3, 7]),
            Check::close(vec![7.0, 3.0], 1e-6),
        )
        .case("zero", (vec![vec![0]], vec![0]), Check::raises("ValueError"))
        .generated(50, solvable, |(matrix, right)| Check::close(solution(matrix, right), 1e-6))
        .generated(10, singular, |_| Check::raises("ValueError"))
}

type Equations = (Vec<Vec<i32>>, Vec<i32>);

fn numbers(n: usize) -> impl Strategy<Value = Equations> {
    let row = move || collection::vec(-9_i32..10, n);
    (collection::vec(row(), n), collection::vec(-50_i32..50, n))
}

/// Diagonally dominant matrices, which have one solution that floats find accurately, with rotated rows.
fn solvable() -> impl Strategy<Value = Equations> {
    let equations = (2_usize..9).prop_flat_map(|n| (numbers(n), 0..n));
    equations.prop_map(|((mut matrix, mut right), turn)| {
        for (i, row) in matrix.iter_mut().enumerate() {
            let others: i32 = row.iter().map(|n| n.abs()).sum();
            row[i] = others + 1;
        }
        matrix.rotate_left(turn);
        right.rotate_left(turn);
        (matrix, right)
    })
}

/// Matrices whose last row is a combination of the others.
fn singular() -> impl Strategy<Value = Equations> {
    let equations = (2_usize..8).prop_flat_map(|n| (numbers(n), -2_i32..3));
    equations.prop_map(|((mut matrix, right), factor)| {
        let (last, others) = matrix.split_last_mut().expect("there are at least two rows");
        for (j, n) in last.iter_mut().enumerate() {
            *n = others[0][j] * factor + others.get(1).map_or(0, |row| row[j]);
        }
        (matrix, right)
    })
}

/// Gaussian elimination with partial pivoting.
fn solution(matrix: &[Vec<i32>], right: &[i32]) -> Vec<f64> {
    let with_right = |(row, right): (&Vec<i32>, &i32)| {
        row.iter().chain([right]).map(|n| f64::from(*n)).collect()
    };
    let mut rows: Vec<Vec<f64>> = matrix.iter().zip(right).map(with_right).collect();
    for i in 0..rows.len() {
        let largest =
            (i..rows.len()).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()));
        rows.swap(i, largest.expect("at least one row is left"));
        let pivot: Vec<f64> = rows[i].iter().map(|n| n / rows[i][i]).collect();
        for row in &mut rows {
            let factor = row[i];
            for (n, m) in row.iter_mut().zip(&pivot) {
                *n -= factor * m;
            }
        }
        rows[i] = pivot;
    }
    rows.iter().map(|row| *row.last().expect("the row ends with the right side")).collect()
}
