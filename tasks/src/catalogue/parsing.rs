//! Formats and small languages.

tasks! {
    roman_to_int,
    parse_csv_line,
    parse_ini,
    parse_query,
    evaluate,
    json_pointer,
    tokenize,
}
