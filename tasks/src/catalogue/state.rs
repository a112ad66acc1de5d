//! Classes whose objects keep state, judged by sequences of calls.

tasks! {
    lru_cache,
    bank_account,
    rate_limiter,
    text_editor,
}
