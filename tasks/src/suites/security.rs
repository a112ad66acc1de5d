//! Vulnerable code to repair, and weaknesses to find.

suites! {
    review_web_app,
}
