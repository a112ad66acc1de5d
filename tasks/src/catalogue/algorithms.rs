//! Textbook algorithms.

tasks! {
    merge_intervals,
    balanced_brackets,
    two_sum,
    topological_order,
    edit_distance,
    knapsack,
    shortest_path,
}
