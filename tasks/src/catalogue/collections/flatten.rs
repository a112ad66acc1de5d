//! Flatten nested lists.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Collections, "flatten", "Flatten nested lists")
        .asks(
            "Implement a function flatten(items: list) -> list that returns the members of the \
             list, and in place of every member that is a list its flattened members, however \
             deep, in order. Only lists are taken apart: tuples, strings, dicts and None stay as \
             they are.",
        )
        .solved_by(
            r"
def flatten(items: list) -> list:
    flat = []
    for item in items:
        if isinstance(item, list):
            flat.extend(flatten(item))
        else:
            flat.append(item)
    return flat
",
        )
        .mutant("one_level_only", "flatten(item)", "item")
        .mutant("takes_tuples_apart", "isinstance(item, list)", "isinstance(item, (list, tuple))")
        .mutant("drops_what_is_false", "        else:\n", "        elif item:\n")
        .mutant(
            "takes_strings_apart",
            "isinstance(item, list)",
            "hasattr(item, '__iter__') and len(item) != 1 and not isinstance(item, (tuple, dict))",
        )
        .example((vec![Value::from(1), vec![2, 3].into(), vec![vec![4]].into()],), vec![1, 2, 3, 4])
        .case("nothing", (Vec::<i64>::new(),), Vec::<i64>::new())
        .case("nothing_in_nothing", (vec![Vec::<i64>::new()],), Vec::<i64>::new())
        .case("deep", (deep(30),), vec![0])
        .generated(36, || (nested(),), |(items,)| Check::exact(flat(items)))
}

/// Nested lists with a list in a list, a tuple and an empty text.
fn nested() -> impl Strategy<Value = Vec<Value>> {
    let leaf = prop_oneof![
        3 => (-9_i64..9).prop_map(Value::from),
        1 => "[a-c]{0,3}".prop_map(Value::from),
        1 => Just(Value::None),
        1 => (1_i64..9, "[xy]{2}").prop_map(Value::from),
        1 => (1_i64..9).prop_map(|n| Value::dict([(n, vec![n])])),
    ];
    let item =
        leaf.prop_recursive(5, 40, 5, |inner| collection::vec(inner, 0..5).prop_map(Value::from));
    (collection::vec(item, 1..8), 0_i64..9).prop_map(|(mut items, n)| {
        items.push(
            vec![Value::from(vec![Value::from(n), "".into()]), (n, "two").into(), "three".into()]
                .into(),
        );
        items
    })
}

fn deep(levels: u32) -> Value {
    (0..levels).fold(vec![0].into(), |inner, _| vec![inner].into())
}

fn flat(items: &[Value]) -> Vec<Value> {
    let each = |item: &Value| match item {
        Value::List(items) => flat(items),
        other => vec![other.clone()],
    };
    items.iter().flat_map(each).collect()
}
