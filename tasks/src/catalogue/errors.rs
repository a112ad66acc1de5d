//! Tasks with exceptions as part of the contract.

tasks! {
    parse_version,
    matrix_product,
    read_port,
}
