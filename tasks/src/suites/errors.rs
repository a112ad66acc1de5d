//! Exceptions as part of the contract.

suites! {    parse_version,
    matrix_product,
    read_port,
}
