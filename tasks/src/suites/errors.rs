//! Exceptions as part of the contract.

suites! {}
