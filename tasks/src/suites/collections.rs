//! Lists, dicts and sets.

suites! {
    common_elements,
    group_anagrams,
    flatten,
    deep_merge,
}
