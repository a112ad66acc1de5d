//! Unsafe deserialisation (CWE-502): load pickles that contain data only.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "load_profile", "Repair: unsafe deserialisation")
        .asks_to_repair(
            "Repair the function load_profile(data: bytes) -> dict below. Profiles are stored as \
             pickles, and a stranger may have written the bytes. The function must return the dict \
             of None, bool, int, float, str, list and dict values that was pickled, with any of \
             Python 3.11's pickle protocols. It must raise ValueError if the pickle refers to any \
             class or function by name, however harmless, wherever in it that stands; if its value \
             is not a dict; and if the bytes are no pickle. Nothing that the pickle names may be \
             called or even imported.",
            VULNERABLE,
        )
        .solved_by(
            r#"
import io
import pickle


class _DataOnly(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name} is refused")


def load_profile(data: bytes) -> dict:
    try:
        profile = _DataOnly(io.BytesIO(data)).load()
    except Exception as error:
        raise ValueError("not a profile") from error
    if type(profile) is not dict:
        raise ValueError("not a dict")
    return profile
"#,
        )
        .mutant(
            "refuses_dangerous_modules",
            "        raise pickle.UnpicklingError",
            "        if module not in ('os', 'posix', 'subprocess', 'sys'):
            return super().find_class(module, name)
        raise pickle.UnpicklingError",
        )
        .mutant(
            "allows_harmless_names",
            "        raise pickle.UnpicklingError",
            "        if module == 'builtins' and name in ('dict', 'list', 'set', 'int'):
            return super().find_class(module, name)
        raise pickle.UnpicklingError",
        )
        .mutant("catches_one_exception", "except Exception as", "except pickle.UnpicklingError as")
        .mutant("takes_any_value", "type(profile) is not dict", "False")
        .wrong(
            "looks_for_bad_words",
            r#"
import pickle


def load_profile(data):
    if any(word in data for word in (b"os\n", b"eval", b"system", b"posix")):
        raise ValueError("not a profile")
    try:
        profile = pickle.loads(data)
    except Exception as error:
        raise ValueError("not a profile") from error
    if not isinstance(profile, dict):
        raise ValueError("not a dict")
    return profile
"#,
        )
        .wrong(
            "reads_json",
            r"
import json


def load_profile(data):
    return dict(json.loads(data))
",
        )
        .example((profile(&name("ann")),), name("ann"))
        .example((Bytes(b"cbuiltins\ndict\n(tR.".to_vec()),), Check::raises("ValueError"))
        .case("empty", (profile(&Value::Dict(vec![])),), Value::Dict(vec![]))
        .case("a_list", (Bytes(b"\x80\x02].".to_vec()),), Check::raises("ValueError"))
        .case("nothing", (Bytes(vec![]),), Check::raises("ValueError"))
        .case("not_ended", (Bytes(b"\x80\x02}".to_vec()),), Check::raises("ValueError"))
        .case("no_such_memo", (Bytes(b"\x80\x02h\x07.".to_vec()),), Check::raises("ValueError"))
        .case("text", (Bytes(b"{\"name\": \"ann\"}".to_vec()),), Check::raises("ValueError"))
        .generated_each(ATTACKS, |attack| (attacked(attack),), |_| Check::raises("ValueError"))
        .generated(1, pickled, |pickled| Check::exact(pickled.value.clone()))
        .groups(30)
}

const VULNERABLE: &str = r"
import pickle


def load_profile(data: bytes) -> dict:
    return pickle.loads(data)
";

/// A pickle, which is the argument, and its content, which is the expected value.
#[derive(Clone, Debug)]
struct Pickled {
    bytes: Bytes,
    value: Value,
}

impl Args for Pickled {
    fn into_values(self) -> Vec<Value> {
        vec![self.bytes.into()]
    }
}

/// Opcodes for values that a pickle can only create with a call.
const ATTACKS: &[&[u8]] = &[
    b"cbuiltins\ndict\n(tR",
    b"cos\ngetcwd\n(tR",
    b"cbuiltins\neval\n(X\x03\0\0\x001+1tR",
    b"ccollections\nOrderedDict\n(tR",
    b"(ibuiltins\ndict\n",
    b"\x8c\x08builtins\x8c\x03set\x93)R",
    b"ccollections\nOrderedDict\n)\x81",
    b"csubprocess\nPopen\n",
    b"cbuiltins\nint\n",
    b"(cbuiltins\nlist\no",
];

/// A pickle of a valid dict with the attack as one value, or of the attack alone after a discarded value.
fn attacked(attack: &'static [u8]) -> impl Strategy<Value = Bytes> {
    ("[a-z]{2,5}", any::<bool>()).prop_map(move |(key, inside)| {
        let mut bytes = b"\x80\x04".to_vec();
        if inside {
            bytes.push(b'}');
        }
        pickle(&key.into(), &mut bytes);
        if !inside {
            bytes.push(b'0');
        }
        bytes.extend(attack);
        bytes.extend(if inside { "s." } else { "." }.bytes());
        Bytes(bytes)
    })
}

fn name(name: &str) -> Value {
    Value::dict([("name", name)])
}

fn pickled() -> impl Strategy<Value = Pickled> {
    profiles().prop_map(|value| Pickled { bytes: profile(&value), value })
}

fn profiles() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        2 => any::<i32>().prop_map(Value::from),
        1 => floats().prop_map(Value::from),
        2 => texts(6).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::None),
    ];
    let value = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::btree_map("[a-z]{1,3}", inner, 0..4).prop_map(Value::dict),
        ]
    });
    collection::btree_map("[a-zé]{1,5}", value, 1..5).prop_map(Value::dict)
}

/// Writes a pickle of protocol 2.
fn profile(value: &Value) -> Bytes {
    let mut bytes = b"\x80\x02".to_vec();
    pickle(value, &mut bytes);
    bytes.push(b'.');
    Bytes(bytes)
}

fn pickle(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::None => out.push(b'N'),
        Value::Bool(value) => out.push(if *value { 0x88 } else { 0x89 }),
        Value::Int(int) => {
            let int = i32::try_from(int).expect("profiles hold 32-bit integers");
            out.push(b'J');
            out.extend(int.to_le_bytes());
        }
        Value::Float(float) => {
            out.push(b'G');
            out.extend(float.to_be_bytes());
        }
        Value::Str(text) => {
            out.push(b'X');
            out.extend(u32::try_from(text.len()).expect("texts are short").to_le_bytes());
            out.extend(text.bytes());
        }
        Value::List(items) => {
            out.extend(b"](");
            for item in items {
                pickle(item, out);
            }
            out.push(b'e');
        }
        Value::Dict(entries) => {
            out.extend(b"}(");
            for (key, value) in entries {
                pickle(key, out);
                pickle(value, out);
            }
            out.push(b'u');
        }
        other => unreachable!("profiles hold no {other}"),
    }
}
