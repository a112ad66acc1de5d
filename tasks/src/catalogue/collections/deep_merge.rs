//! Merge nested dicts.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Collections, "deep_merge", "Merge nested dicts")
        .asks(
            "Implement a function deep_merge(base: dict, changes: dict) -> dict that returns a new \
             dict with the keys of both. Where both have a key and both of its values are dicts, \
             its value is the deep merge of the two; otherwise the value of changes counts, also \
             if it is None. Lists are not merged.",
        )
        .solved_by(
            r"
def deep_merge(base: dict, changes: dict) -> dict:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = deep_merge(old, value)
        else:
            merged[key] = value
    return merged
",
        )
        .mutant("shallow", "deep_merge(old, value)", "value")
        .mutant("one_level_only", "deep_merge(old, value)", "{**old, **value}")
        .mutant("none_changes_nothing", "        else:\n", "        elif value is not None:\n")
        .mutant("the_base_counts", "        else:\n", "        elif key not in base:\n")
        .example(
            (inner("a", 1, 2), inner("a", 3, 4)),
            Value::dict([("a", Value::dict([("x1", 1), ("y2", 2), ("x3", 3), ("y4", 4)]))]),
        )
        .case("both_empty", (empty(), empty()), empty())
        .case(
            "an_empty_dict_takes_nothing_away",
            (inner("a", 1, 2), Value::dict([("a", empty())])),
            inner("a", 1, 2),
        )
        .generated(36, two_dicts, |(base, changes)| Check::exact(merged(base, changes)))
}

fn empty() -> Value {
    Value::Dict(Vec::new())
}

fn inner(key: &str, x: u8, y: u8) -> Value {
    Value::dict([(key, Value::dict([(format!("x{x}"), x), (format!("y{y}"), y)]))])
}

/// Pairs with a key two levels down that must be merged, and a key that becomes None.
fn two_dicts() -> impl Strategy<Value = (Value, Value)> {
    let leaf = prop_oneof![
        3 => (-9_i64..9).prop_map(Value::from),
        1 => Just(Value::None),
        1 => collection::vec(0_i64..3, 0..3).prop_map(Value::from),
    ];
    let dict = leaf.prop_recursive(4, 40, 4, |inner| {
        collection::btree_map("[a-d]", inner, 0..4).prop_map(Value::dict)
    });
    let dicts = || collection::btree_map("[a-d]", dict.clone(), 0..5);
    (dicts(), dicts(), 0_i64..99).prop_map(|(mut base, mut changes, n)| {
        let nested = |key: &str, n: i64| {
            Value::dict([("deep", Value::dict([("also", Value::dict([(key, n)]))]))])
        };
        base.insert("e".into(), nested("one", n));
        changes.insert("e".into(), nested("two", n));
        base.insert("f".into(), n.into());
        changes.insert("f".into(), Value::None);
        (Value::dict(base), Value::dict(changes))
    })
}

fn merged(base: &Value, changes: &Value) -> Value {
    let (Value::Dict(base), Value::Dict(changes)) = (base, changes) else { return changes.clone() };
    let mut entries = base.clone();
    for (key, value) in changes {
        match entries.iter_mut().find(|(other, _)| other.equals(key)) {
            Some((_, old)) => *old = merged(old, value),
            None => entries.push((key.clone(), value.clone())),
        }
    }
    Value::Dict(entries)
}
