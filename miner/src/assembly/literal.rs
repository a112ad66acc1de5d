//! Python literals for any text: raw where possible, so that an agent can be read, and escaped otherwise.

use std::fmt::Write as _;

/// A Python expression whose value is `text`.
pub(super) fn of(text: &str) -> String {
    for quotes in ["'''", "\"\"\""] {
        if can_stand_between(text, quotes) {
            // The added line break lets the text begin on a line of its own.
            return format!("r{quotes}\n{text}{quotes}[1:]");
        }
    }
    escaped(text)
}

fn can_stand_between(text: &str, quotes: &str) -> bool {
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    let quote = &quotes[..1];
    text.chars().all(printable)
        && !text.contains('\u{feff}')
        && !text.contains(quotes)
        && !text.ends_with(quote)
        && !text.ends_with('\\')
        // In a raw literal `\'` does not end it, so a backslash before a quote would change where it ends.
        && !text.contains(&format!("\\{quote}"))
}

fn escaped(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n\"\n    \""),
            c if c.is_ascii() && !c.is_control() => literal.push(c),
            c => {
                let _ = write!(literal, "\\U{:08x}", u32::from(c));
            }
        }
    }
    literal.push('"');
    format!("(\n    {literal}\n)")
}
