//! Objects that remember: classes, judged by sequences of calls.

suites! {
    lru_cache,
}
