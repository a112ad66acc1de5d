//! A shortest path in a graph; any of the shortest is right.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Algorithms, "shortest_path", "Shortest path")
        .asks(
            "Implement a function shortest_path(edges: list[list[int]], start: int, goal: int) -> \
             list[int] | None. Each edge is [a, b, cost] and can be walked from a to b only; costs \
             are 0 or more. Return the numbers of the nodes on a way from start to goal, both \
             included, whose total cost is the least; if several ways have it, any of them is \
             right. If start and goal are the same the way is [start]. If there is no way, return \
             None.",
        )
        .solved_by(
            r"
import heapq


def shortest_path(edges: list[list[int]], start: int, goal: int) -> list[int] | None:
    out = {}
    for a, b, cost in edges:
        out.setdefault(a, []).append((b, cost))
    queue, done = [(0, start, None)], {}
    while queue:
        so_far, node, before = heapq.heappop(queue)
        if node in done:
            continue
        done[node] = before
        if node == goal:
            break
        for following, cost in out.get(node, ()):
            if following not in done:
                heapq.heappush(queue, (so_far + cost, following, node))
    if goal not in done:
        return None
    path = [goal]
    while path[-1] != start:
        path.append(done[path[-1]])
    return path[::-1]
",
        )
        .mutant("backwards", "path[::-1]", "path")
        .mutant("fewest_edges", "so_far + cost", "so_far + 1")
        .mutant(
            "walks_both_ways",
            "append((b, cost))",
            "append((b, cost)); out.setdefault(b, []).append((a, cost))",
        )
        .mutant("no_way_is_empty", "return None", "return []")
        .mutant("cheapest_next_edge", "(so_far + cost, following", "(cost, following")
        .example(
            (vec![[0, 1, 5], [0, 2, 1], [2, 1, 1]], 0, 1),
            cheapest(&[[0, 1, 5], [0, 2, 1], [2, 1, 1]], 0, 1),
        )
        .example((vec![[1, 0, 1]], 0, 1), Value::None)
        .case("already_there", (vec![[3, 4, 1]], 3, 3), vec![3])
        .case("not_in_the_graph", (vec![[0, 1, 1]], 0, 9), Value::None)
        .case("free", (vec![[0, 1, 0], [1, 2, 0], [0, 2, 1]], 0, 2), vec![0, 1, 2])
        .case(
            "small_steps_add_up",
            (vec![[0, 2, 5], [0, 1, 1], [1, 3, 1], [3, 2, 4]], 0, 2),
            vec![0, 2],
        )
        .generated(36, graphs, |(edges, start, goal)| cheapest(edges, *start, *goal))
}

/// Random edges, and a detour from start to goal that is cheaper than the direct edge; in one of 24 graphs no way.
fn graphs() -> impl Strategy<Value = (Vec<[i64; 3]>, i64, i64)> {
    let edge = (0_i64..9, 0_i64..9, 0_i64..20).prop_map(|(a, b, cost)| [a, b, cost]);
    let detour = (0_i64..7, 20_i64..60, 1_i64..6);
    (collection::vec(edge, 6..28), detour, 0_u8..24).prop_map(
        |(mut edges, (start, dear, cheap), cut)| {
            let (goal, via) = (start + 1, 20 + start);
            if cut == 0 {
                edges.retain(|[a, b, _]| (*a <= start) == (*b <= start) || *a > *b);
            } else {
                edges.extend([[start, goal, dear], [via, goal, cheap], [start, via, cheap]]);
            }
            (edges, start, goal)
        },
    )
}

fn cheapest(edges: &[[i64; 3]], start: i64, goal: i64) -> Check {
    let Some(least) = least_cost(edges, start, goal) else { return Value::None.into() };
    let edges = edges.to_vec();
    let name = format!("a way from {start} to {goal} through {edges:?} that costs {least}");
    Check::holds(name, move |value| {
        let Value::List(items) = value else { return false };
        let Some(path) = items.iter().map(Value::as_i64).collect::<Option<Vec<_>>>() else {
            return false;
        };
        let hop = |pair: &[i64]| {
            let fits = edges.iter().filter(|[a, b, _]| [*a, *b] == pair);
            fits.map(|[_, _, cost]| *cost).min()
        };
        let cost: Option<i64> = path.windows(2).map(hop).sum();
        path.first() == Some(&start) && path.last() == Some(&goal) && cost == Some(least)
    })
}

/// Bellman-Ford: relaxes all edges until nothing changes.
fn least_cost(edges: &[[i64; 3]], start: i64, goal: i64) -> Option<i64> {
    let mut costs = std::collections::BTreeMap::from([(start, 0)]);
    loop {
        let before = costs.clone();
        for [a, b, cost] in edges {
            let Some(so_far) = costs.get(a).map(|so_far| so_far + cost) else { continue };
            costs.entry(*b).and_modify(|known| *known = so_far.min(*known)).or_insert(so_far);
        }
        if costs == before {
            return costs.get(&goal).copied();
        }
    }
}
