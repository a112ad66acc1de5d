//! Inputs on which a careless solution is too slow.

suites! {}
