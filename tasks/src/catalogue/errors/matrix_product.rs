//! Multiply matrices and reject those that do not fit.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Errors, "matrix_product", "Matrix product")
        .asks(
            "Implement a function matrix_product(a: list[list[int]], b: list[list[int]]) -> \
             list[list[int]] that returns the product of two matrices, each a list of rows. Every \
             matrix has at least one row and one column, and rows of equal length; a matrix that \
             has not raises ValueError. ValueError is also raised if a has not as many columns as \
             b has rows.",
        )
        .solved_by(
            r#"
def matrix_product(a: list[list[int]], b: list[list[int]]) -> list[list[int]]:
    for matrix in (a, b):
        if len({len(row) for row in matrix}) != 1 or not matrix[0]:
            raise ValueError("not a matrix")
    if len(a[0]) != len(b):
        raise ValueError("the matrices do not fit")
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]
"#,
        )
        .mutant("multiplies_what_does_not_fit", "len(a[0]) != len(b)", "False")
        .mutant("checks_the_first_only", "for matrix in (a, b):", "for matrix in (a,):")
        .mutant("rows_may_be_empty", " or not matrix[0]:", ":")
        .mutant("turns_it_round", "columns = list(zip(*b))", "columns = b")
        .mutant(
            "tuples_for_rows",
            "return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]",
            "return [tuple(sum(x * y for x, y in zip(r, c)) for c in columns) for r in a]",
        )
        .example((vec![vec![1, 2]], vec![vec![3], vec![4]]), vec![vec![11]])
        .example((vec![vec![1, 2]], vec![vec![3, 4]]), Check::raises("ValueError"))
        .case("no_rows", (Vec::<Vec<i64>>::new(), vec![vec![1]]), Check::raises("ValueError"))
        .case(
            "no_columns",
            (vec![Vec::<i64>::new()], Vec::<Vec<i64>>::new()),
            Check::raises("ValueError"),
        )
        .case(
            "empty_rows",
            (vec![Vec::<i64>::new(); 2], vec![vec![1]]),
            Check::raises("ValueError"),
        )
        .case(
            "nothing_times_nothing",
            (vec![vec![1]], vec![Vec::<i64>::new()]),
            Check::raises("ValueError"),
        )
        .case(
            "ragged",
            (vec![vec![1, 2], vec![3]], vec![vec![1], vec![2]]),
            Check::raises("ValueError"),
        )
        .generated(
            58,
            || sizes().prop_flat_map(|(n, k, m)| (matrix(n, k), matrix(k, m))),
            |(a, b)| product(a, b),
        )
        .generated(
            7,
            || {
                let drawn = |(n, k, m)| (matrix(n, k), matrix(k + 1, m), any::<bool>());
                sizes().prop_flat_map(drawn).prop_map(spoilt)
            },
            |(a, b)| product(a, b),
        )
}

type Matrix = Vec<Vec<BigInt>>;

fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    (1_usize..5, 2_usize..6, 1_usize..5)
}

fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Matrix> {
    collection::vec(collection::vec(ints(), columns), rows)
}

/// Pairs in which the second matrix has a row too many or a ragged row.
fn spoilt((a, mut b, ragged): (Matrix, Matrix, bool)) -> (Matrix, Matrix) {
    if ragged {
        b.pop();
        let row = b.last_mut().expect("there are at least two rows");
        row.push(BigInt::from(0));
    }
    (a, b)
}

fn product(a: &Matrix, b: &Matrix) -> Check {
    let even = |matrix: &Matrix| matrix.iter().all(|row| row.len() == matrix[0].len());
    if !even(a) || !even(b) || a[0].len() != b.len() {
        return Check::raises("ValueError");
    }
    let cell = |row: &Vec<BigInt>, j: usize| -> BigInt {
        row.iter().zip(b).map(|(x, other)| x * &other[j]).sum()
    };
    let row = |row| (0..b[0].len()).map(|j| cell(row, j)).collect::<Vec<_>>();
    a.iter().map(row).collect::<Vec<_>>().into()
}
