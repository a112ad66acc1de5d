//! Text for terminals: its width, colors, and what must not reach it.

use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style};
use platform::api::is_bidirectional_control;
use rustix::termios::tcgetwinsize;

/// Width of text where stdout is not a terminal, for paragraphs. Tables are as wide as they need there.
const PLAIN_COLUMNS: u16 = 100;
/// The narrowest terminal that text is fitted to.
const LEAST_COLUMNS: u16 = 20;

/// The width of the terminal on stdout; `None` if stdout is not a terminal.
pub fn terminal_columns() -> Option<u16> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then(|| size.ws_col.max(LEAST_COLUMNS))
}

/// Replaces every character that could move the cursor or reorder a line: the text of agents, models and platforms is
/// not trusted.
pub fn without_controls(line: &str) -> String {
    let is_harmless = |c: char| !c.is_control() && !is_bidirectional_control(c);
    line.chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

/// A number of things: `1 task`, `2 tasks`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A verdict's code in its color. Colors are removed when it is printed, unless stdout is a terminal.
pub fn painted(code: &str) -> String {
    let color = match code {
        "AC" => AnsiColor::Green,
        "WA" | "RE" => AnsiColor::Red,
        "TLE" | "MLE" | "OLE" => AnsiColor::Yellow,
        "NS" => AnsiColor::Magenta,
        _ => return code.to_owned(),
    };
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{code}{style:#}")
}

/// Paints the verdicts that stand as words in a table.
pub fn with_painted_verdicts(table: &str) -> String {
    table.split_inclusive(' ').fold(String::new(), |mut text, word| {
        let code = word.trim_end();
        let _ = write!(text, "{}{}", painted(code), &word[code.len()..]);
        text
    })
}

/// Breaks a text between words, and indents every line by two columns.
pub fn wrapped(text: &str) -> String {
    let columns = usize::from(terminal_columns().unwrap_or(PLAIN_COLUMNS));
    let (mut lines, mut line) = (String::new(), String::from(" "));
    for word in text.split(' ') {
        if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > columns {
            let _ = writeln!(lines, "{line}");
            line = String::from(" ");
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(lines, "{line}");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_of_a_table_are_painted() {
        let painted = with_painted_verdicts(" a   WA    3 of 4 \n b   AC   \n WAx NS_ ");
        let red = "\u{1b}[31mWA\u{1b}[0m";
        let green = "\u{1b}[32mAC\u{1b}[0m";
        assert_eq!(painted, format!(" a   {red}    3 of 4 \n b   {green}   \n WAx NS_ "));
    }

    #[test]
    fn nothing_that_moves_the_cursor_remains() {
        let line = "a\u{1b}[2Jb\u{202e}c\rd\u{9b}e";
        assert_eq!(without_controls(line), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e");
    }
}
