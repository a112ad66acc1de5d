//! Objects that remember: classes, judged by sequences of calls.

suites! {
    lru_cache,
    bank_account,
    rate_limiter,
    text_editor,
}
