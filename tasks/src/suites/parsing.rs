//! Formats and little languages.

suites! {
    roman_to_int,
    parse_csv_line,
    parse_ini,
    parse_query,
    evaluate,
    json_pointer,
    tokenize,
}
