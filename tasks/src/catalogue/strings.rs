//! Text tasks.

tasks! {
    reverse_string,
    word_count,
    run_lengths,
    caesar_cipher,
    common_prefix,
}
