//! Read a port given as a number or as text, with three exceptions.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Errors, "read_port", "Port numbers")
        .asks(
            "Implement a function read_port(settings: dict, name: str) -> int that returns the \
             port number that stands in settings under the key name. KeyError is raised if there \
             is no such key. The value is an int, or a str of one to five digits 0-9, leading \
             zeros allowed; TypeError is raised if it is of any other type, bool and None \
             included, and ValueError for every other str. ValueError is raised too if the number \
             is not in 1 to 65535.",
        )
        .solved_by(
            r#"
import re


def read_port(settings: dict, name: str) -> int:
    value = settings[name]
    if type(value) is str:
        if not re.fullmatch("[0-9]{1,5}", value):
            raise ValueError("not a number")
        value = int(value)
    if type(value) is not int:
        raise TypeError("a port is an int or a str")
    if not 1 <= value <= 65535:
        raise ValueError("out of range")
    return value
"#,
        )
        .mutant("true_is_one", "type(value) is not int", "not isinstance(value, int)")
        .mutant("missing_is_none", "settings[name]", "settings.get(name)")
        .mutant("zero_is_a_port", "1 <= value", "0 <= value")
        .mutant("65536_is_a_port", "65535", "65536")
        .mutant("int_reads_more", r#"not re.fullmatch("[0-9]{1,5}", value)"#, "False")
        .example((Value::dict([("port", 80)]), "port"), 80)
        .example((Value::dict([("port", "0443")]), "port"), 443)
        .example((Value::dict([("port", "80")]), "host"), Check::raises("KeyError"))
        .example((Value::dict([("port", 8.5)]), "port"), Check::raises("TypeError"))
        .case("zero", (Value::dict([("p", 0)]), "p"), Check::raises("ValueError"))
        .case("largest", (Value::dict([("p", "65535")]), "p"), Check::exact(65535))
        .case("too_large", (Value::dict([("p", 65536)]), "p"), Check::raises("ValueError"))
        .case("true", (Value::dict([("p", true)]), "p"), Check::raises("TypeError"))
        .case("underscore", (Value::dict([("p", "8_0")]), "p"), Check::raises("ValueError"))
        .generated(1, || settings((1_u32..65_536).prop_map(Value::from)), judged)
        .generated(1, || settings("0{0,2}[1-9][0-9]{0,2}".prop_map(Value::from)), judged)
        .generated_each(WRONG, |wrong| wrong(), judged)
        .groups(30)
}

type PortQuery = (Value, String);

/// Settings without a port under the name.
const WRONG: &[fn() -> BoxedStrategy<PortQuery>] =
    &[out_of_range, malformed, of_another_type, malformed, missing];

fn out_of_range() -> BoxedStrategy<PortQuery> {
    let value = prop_oneof![
        1 => (65_536_u32..70_000).prop_map(Value::from),
        1 => "6(6|7|8|9)[0-9]{3}|0{1,5}".prop_map(Value::from),
        2 => ints().prop_map(Value::from),
    ];
    settings(value).boxed()
}

fn malformed() -> BoxedStrategy<PortQuery> {
    settings(
        "[ +-][0-9]{1,4}|[0-9]{1,2}[_٣][0-9]{1,2}|[0-9]{1,4}\n|[0-9]{6}|".prop_map(Value::from),
    )
    .boxed()
}

fn of_another_type() -> BoxedStrategy<PortQuery> {
    let value = prop_oneof![
        floats().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::None),
    ];
    settings(value).boxed()
}

fn missing() -> BoxedStrategy<PortQuery> {
    settings((1_u32..9_000).prop_map(Value::from))
        .prop_map(|(settings, _)| (settings, "e".to_owned()))
        .boxed()
}

/// Settings with this value under the name that is looked up.
fn settings(value: impl Strategy<Value = Value>) -> impl Strategy<Value = PortQuery> {
    let others = collection::btree_map("[a-d]", 1_u32..9_000, 0..3);
    (others, "[a-d]", value).prop_map(|(others, name, value)| {
        let others = others.into_iter().filter(|(other, _)| *other != name);
        let mut entries: Vec<(String, Value)> =
            others.map(|(name, value)| (name, value.into())).collect();
        entries.push((name.clone(), value));
        (Value::dict(entries), name)
    })
}

fn judged((settings, name): &PortQuery) -> Check {
    port(settings, name)
}

fn port(settings: &Value, name: &str) -> Check {
    let Value::Dict(entries) = settings else { unreachable!("settings are a dict") };
    let name = Value::from(name);
    let value = entries.iter().find(|(key, _)| key.equals(&name)).map(|(_, value)| value);
    let number = match value {
        None => return Check::raises("KeyError"),
        Some(Value::Int(number)) => Some(number.clone()),
        Some(Value::Str(text)) => {
            let digits = text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
            if digits { text.parse().ok() } else { None }
        }
        Some(_) => return Check::raises("TypeError"),
    };
    let ports = BigInt::from(1)..=BigInt::from(65_535);
    number.filter(|number| ports.contains(number)).map_or(Check::raises("ValueError"), Check::exact)
}
