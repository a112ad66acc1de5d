//! The built-in agents that prove a harness sound: one that must get everything, one that must get
//! nothing. They are ordinary agents and go the ordinary way.

use crate::round::run::Agent;
use crate::trial::instance::Prepared;

/// The agent that prints the reference solution of whichever task it is asked. It must score 100.
pub const ORACLE: &str = "oracle";
/// The agent that prints nothing. It must score 0.
pub const NOP: &str = "nop";

/// Both controls, for a round with these tasks.
pub fn controls(tasks: &[Prepared]) -> [Agent; 2] {
    [Agent::local(ORACLE, oracle(tasks)), Agent::local(NOP, "# Prints nothing.\n".to_owned())]
}

fn oracle(tasks: &[Prepared]) -> String {
    let answers: Vec<(&str, String)> = tasks
        .iter()
        .map(|prepared| (prepared.prompt.as_str(), prepared.task.reference(prepared.seed)))
        .collect();
    let answers = serde_json::to_string(&answers).expect("text is plain data");
    // A JSON string of ASCII is a Python literal as well.
    let literal = serde_json::to_string(&ascii(&answers)).expect("text is plain data");
    format!(
        "import json\nimport sys\n\nANSWERS = dict(json.loads({literal}))\n\
         print(ANSWERS[sys.argv[sys.argv.index(\"--task\") + 1]], end=\"\")\n"
    )
}

/// JSON with every character beyond ASCII escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}
