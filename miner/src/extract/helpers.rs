//! Joins the block that defines the entry point with the blocks whose names it uses: models put imports and helper
//! functions into blocks of their own.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

/// Most blocks that are joined. Real replies have a handful.
const MAX_JOINED: usize = 8;

/// The block at index `main` after the other blocks that it needs, or none if it needs none of them. Only blocks that
/// consist of definitions are joined: others show how the code is used.
pub(super) fn with_helpers(blocks: &[String], main: usize) -> Option<String> {
    let provided: Vec<_> = blocks.iter().map(|block| provided_names(block)).collect();
    let mut joined = BTreeSet::from([main]);
    let (mut used, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut next = Some(main);
    while let Some(index) = next {
        joined.insert(index);
        used.extend(used_names(&blocks[index]));
        known.extend(&provided[index]);
        known.extend(local_names(&blocks[index]));
        let is_needed = |index: &usize| {
            let mut missing = used.difference(&known);
            missing.any(|name| provided[*index].contains(name))
                && has_only_definitions(&blocks[*index])
        };
        next = (0..blocks.len()).rev().find(is_needed).filter(|_| joined.len() < MAX_JOINED);
    }
    joined.remove(&main);
    if joined.is_empty() {
        return None;
    }
    let parts = joined.into_iter().chain([main]).map(|index| blocks[index].trim_end());
    Some(parts.collect::<Vec<_>>().join("\n\n\n"))
}

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

/// All names in a block. Words in comments and literals are included, which does no harm.
fn used_names(block: &str) -> BTreeSet<&str> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\w.])([A-Za-z_]\w*)"));
    NAME.captures_iter(block).filter_map(|found| found.get(1)).map(|name| name.as_str()).collect()
}

/// The names that a block defines or imports at its top level.
fn provided_names(block: &str) -> BTreeSet<&str> {
    static DEFINITION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?m)^(?:(?:async\s+)?def|class)\s+(\w+)|^([A-Za-z_]\w*)\s*(?::[^=\n]*)?=(?:[^=]|$)",
        )
    });
    static IMPORT: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?m)^\s*(?:from\s+\S+\s+)?import\s+(?:\(([^)]*)\)|([^\n#(]*))"));
    let defined = DEFINITION.captures_iter(block).filter_map(|found| found.get(1).or(found.get(2)));
    let imported = IMPORT.captures_iter(block).filter_map(|found| found.get(1).or(found.get(2)));
    let imported = imported.flat_map(|items| items.as_str().split(','));
    let imported = imported.map(bound_name);
    defined.map(|name| name.as_str()).chain(imported).collect()
}

/// The name that an item of an import binds: `a.b as c` binds `c`, and `a.b` binds `a`.
fn bound_name(item: &str) -> &str {
    let name = item.rsplit(" as ").next().unwrap_or(item).trim();
    name.split('.').next().unwrap_or(name)
}

/// The parameters, loop variables and assigned names within the functions of a block.
fn local_names(block: &str) -> BTreeSet<&str> {
    static NAMES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\bdef\s+\w+\s*\(([^)]*)\)|\blambda\b([^:\n]*):|\bfor\s+([^\n]+?)\s+in\b|(?m:^[ \t]+([A-Za-z_][\w, ]*)=[^=])",
        )
    });
    static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z_]\w*"));
    let names = NAMES
        .captures_iter(block)
        .flat_map(|found| found.iter().skip(1).flatten().collect::<Vec<_>>());
    names.flat_map(|names| NAME.find_iter(names.as_str())).map(|name| name.as_str()).collect()
}

fn has_only_definitions(block: &str) -> bool {
    static TOP_LEVEL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"^(import\s|from\s|def\s|async\s+def\s|class\s|@|#|try:|except\b|else:|[)\]}"']|[A-Za-z_]\w*\s*(:[^=]*)?=([^=]|$))"#,
        )
    });
    let is_top_level = |line: &&str| !line.is_empty() && !line.starts_with([' ', '\t']);
    block.lines().filter(is_top_level).all(|line| TOP_LEVEL.is_match(line))
}
