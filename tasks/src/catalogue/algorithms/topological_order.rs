//! Topological order; any valid order is right.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Algorithms, "topological_order", "Topological order")
        .asks(
            "Implement a function topological_order(n: int, edges: list[list[int]]) -> list[int] \
             that returns the numbers 0 to n - 1, each once, in an order in which for every edge \
             [a, b] the number a stands before b. Any such order is right. If there is none, \
             ValueError is raised. Edges may repeat; an edge [a, a] can never be respected.",
        )
        .solved_by(
            r#"
def topological_order(n: int, edges: list[list[int]]) -> list[int]:
    after = [[] for _ in range(n)]
    waits_for = [0] * n
    for a, b in edges:
        after[a].append(b)
        waits_for[b] += 1
    order = [a for a in range(n) if not waits_for[a]]
    for a in order:
        for b in after[a]:
            waits_for[b] -= 1
            if not waits_for[b]:
                order.append(b)
    if len(order) < n:
        raise ValueError("there is a cycle")
    return order
"#,
        )
        .mutant(
            "stops_at_a_cycle",
            "    if len(order) < n:\n        raise ValueError(\"there is a cycle\")\n",
            "",
        )
        .mutant("backwards", "return order", "return order[::-1]")
        .mutant("edges_backwards", "for a, b in edges", "for b, a in edges")
        .mutant("does_not_wait_for_all", "if not waits_for[b]:", "if b not in order:")
        .example((3, vec![[2, 0], [0, 1]]), order(3, &[[2, 0], [0, 1]]))
        .example((2, vec![[0, 1], [1, 0]]), Check::raises("ValueError"))
        .case("nothing", (0, Vec::<[usize; 2]>::new()), Vec::<usize>::new())
        .case("no_edges", (3, Vec::<[usize; 2]>::new()), order(3, &[]))
        .case("to_itself", (2, vec![[1, 1]]), Check::raises("ValueError"))
        .case("repeated_edges", (2, vec![[1, 0], [1, 0]]), order(2, &[[1, 0], [1, 0]]))
        .generated(36, graphs, |(n, edges)| order(*n, edges))
}

/// Mostly acyclic graphs: edges follow a shuffled order, except for a few random ones.
fn graphs() -> impl Strategy<Value = (usize, Vec<[usize; 2]>)> {
    (4_usize..14).prop_flat_map(|n| {
        let edges = collection::vec((0..n, 0..n), 3..2 * n);
        let ranks = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        (edges, ranks, 0_u8..5).prop_map(move |(edges, ranks, wild)| {
            let upward = |(at, (a, b)): (usize, (usize, usize))| {
                let (low, high) = (a.min(b), a.max(b));
                match (low == high, wild == 0 && at == 0) {
                    (_, true) => Some([ranks[high], ranks[low]]),
                    (true, _) => None,
                    _ => Some([ranks[low], ranks[high]]),
                }
            };
            (n, edges.into_iter().enumerate().filter_map(upward).collect())
        })
    })
}

fn order(n: usize, edges: &[[usize; 2]]) -> Check {
    let mut left: Vec<usize> = (0..n).collect();
    while let Some(place) =
        left.iter().position(|b| edges.iter().all(|[a, to]| to != b || !left.contains(a)))
    {
        left.remove(place);
    }
    if !left.is_empty() {
        return Check::raises("ValueError");
    }
    let edges = edges.to_vec();
    let name = format!("the numbers below {n}, each once, with a before b for each of {edges:?}");
    Check::holds(name, move |value| {
        let order: Option<Vec<i64>> = match value {
            Value::List(items) => items.iter().map(Value::as_i64).collect(),
            _ => None,
        };
        let Some(order) = order else { return false };
        let place = |n: usize| order.iter().position(|m| usize::try_from(*m) == Ok(n));
        order.len() == n
            && (0..n).all(|n| place(n).is_some())
            && edges.iter().all(|[a, b]| place(*a) < place(*b))
    })
}
