//! Tasks whose inputs are too large for a naive solution.

mod noise;

tasks! {
    count_pairs,
    sliding_maximum,
    longest_unique,
    inversions,
    fibonacci_mod,
}
