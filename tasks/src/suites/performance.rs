//! Inputs on which a careless solution is too slow.

mod noise;

suites! {
    count_pairs,
    sliding_maximum,
    longest_unique,
    inversions,
    fibonacci_mod,
}
