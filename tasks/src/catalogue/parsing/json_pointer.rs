//! Resolve a JSON Pointer (RFC 6901).

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Parsing, "json_pointer", "JSON pointer")
        .asks(
            "Implement a function json_pointer(document, pointer: str) that returns the part of \
             the document (dicts with str keys, lists, and other values) to which the JSON pointer \
             (RFC 6901) leads. The empty pointer leads to the whole document. Every other one is a \
             '/' and a token, repeated; tokens may be empty. In a token '~1' stands for '/' and \
             '~0' for '~', so '~01' stands for '~1'. In a dict a token is a key. In a list it is \
             an index: '0', or digits 0-9 that do not begin with '0'. LookupError (or a class \
             derived from it) is raised if there is no such part: a missing key, a token that is \
             no index of the list, or a token for a value that is neither dict nor list. \
             ValueError is raised if the pointer is not empty and does not begin with '/', or has \
             a '~' before anything but 0 and 1; it comes first if both hold.",
        )
        .solved_by(
            r#"
import re


def json_pointer(document, pointer: str):
    if not re.fullmatch(r"(/([^~/]|~[01])*)*", pointer, re.DOTALL):
        raise ValueError("not a JSON pointer")
    part = document
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(part, dict):
            part = part[token]
        elif isinstance(part, list) and re.fullmatch("0|[1-9][0-9]*", token):
            part = part[int(token)]
        else:
            raise LookupError(token)
    return part
"#,
        )
        .mutant(
            "unescapes_in_the_wrong_order",
            r#".replace("~1", "/").replace("~0", "~")"#,
            r#".replace("~0", "~").replace("~1", "/")"#,
        )
        .mutant(
            "leading_zeros_and_signs",
            r#"re.fullmatch("0|[1-9][0-9]*", token)"#,
            r#"re.fullmatch("-?[0-9]+", token)"#,
        )
        .mutant("no_escapes", r#".replace("~1", "/").replace("~0", "~")"#, "")
        .mutant(
            "takes_any_pointer",
            r#"not re.fullmatch(r"(/([^~/]|~[01])*)*", pointer, re.DOTALL)"#,
            "False",
        )
        .mutant(
            "skips_empty_tokens",
            r#"pointer.split("/")[1:]"#,
            r#"filter(None, pointer.split("/"))"#,
        )
        .example((Value::dict([("a", vec![5, 6])]), "/a/1"), 6)
        .example((Value::dict([("a/b", 1)]), "/a~1b"), 1)
        .example((vec![1], "/01"), Check::raises("LookupError"))
        .case("whole", (vec![1, 2], ""), vec![1, 2])
        .case("no_slash", (vec![1], "0"), Check::raises("ValueError"))
        .case("both_errors", (vec![1], "/7/~2"), Check::raises("ValueError"))
        .case("order_of_escapes", (Value::dict([("~1", 1), ("/", 2)]), "/~01"), 1)
        .case("negative_index", (vec![1, 2], "/-1"), Check::raises("LookupError"))
        .case("empty_key", (Value::dict([("", Value::dict([("", 3)]))]), "//"), 3)
        .generated(60, documents, |(document, pointer)| lookup(document, pointer))
}

/// Documents, each with a pointer whose tokens mostly exist.
fn documents() -> impl Strategy<Value = (Value, String)> {
    let leaf = prop_oneof![(-9_i64..99).prop_map(Value::from), "[a-c]{0,2}".prop_map(Value::from)];
    let document = leaf.prop_recursive(4, 60, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            collection::btree_map("[a~/]{0,2}", inner, 1..5).prop_map(Value::dict),
        ]
    });
    let document = collection::btree_map("[a~/]{0,2}", document, 2..6).prop_map(Value::dict);
    let choices = collection::vec(any::<sample::Index>(), 1..5);
    let spoilt = option::weighted(0.1, sample::select(vec!["/a", "/00", "/~2", "x", "/9", "/"]));
    (document, choices, spoilt).prop_map(|(document, choices, spoilt)| {
        let mut pointer = path(&document, &choices);
        pointer.push_str(spoilt.unwrap_or(""));
        (document, pointer)
    })
}

fn path(document: &Value, choices: &[sample::Index]) -> String {
    let Some((choice, others)) = choices.split_first() else { return String::new() };
    match document {
        Value::Dict(entries) if !entries.is_empty() => {
            let (key, value) = &entries[choice.index(entries.len())];
            let Value::Str(key) = key else { return String::new() };
            format!("/{}{}", key.replace('~', "~0").replace('/', "~1"), path(value, others))
        }
        Value::List(items) if !items.is_empty() => {
            let index = choice.index(items.len());
            format!("/{index}{}", path(&items[index], others))
        }
        _ => String::new(),
    }
}

fn lookup(document: &Value, pointer: &str) -> Check {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Check::raises("ValueError");
    }
    let tokens: Option<Vec<String>> = pointer.split('/').skip(1).map(unescaped).collect();
    let Some(tokens) = tokens else { return Check::raises("ValueError") };
    let part = tokens.iter().try_fold(document, |part, token| match part {
        Value::Dict(entries) => {
            let key = Value::from(token.as_str());
            entries.iter().find(|(other, _)| other.equals(&key)).map(|(_, value)| value)
        }
        Value::List(items) => {
            let index: usize = token.parse().ok()?;
            items.get(index).filter(|_| index.to_string() == *token)
        }
        _ => None,
    });
    part.map_or(Check::raises("LookupError"), |part| Check::exact(part.clone()))
}

fn unescaped(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let tilde = part.strip_prefix('0').map(|rest| ("~", rest));
        let (c, rest) = tilde.or_else(|| part.strip_prefix('1').map(|rest| ("/", rest)))?;
        text.push_str(c);
        text.push_str(rest);
    }
    Some(text)
}
