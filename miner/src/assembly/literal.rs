//! Python literals of any text: as it is where that can be, so that an agent can be read, and escaped
//! where it cannot.

use std::fmt::Write as _;

/// An expression whose value is this text.
pub(super) fn of(text: &str) -> String {
    for quotes in ["'''", "\"\"\""] {
        if can_stand_between(text, quotes) {
            // The first line break is only there so that the text begins in a line of its own.
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
        // In a raw text `\'` does not end it, so a backslash before the quotes would change where it ends.
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
