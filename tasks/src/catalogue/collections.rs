//! Tasks on lists, dicts and sets.

tasks! {
    common_elements,
    group_anagrams,
    flatten,
    deep_merge,
}
