//! The textbook's problems.

suites! {
    merge_intervals,
    balanced_brackets,
    two_sum,
}
