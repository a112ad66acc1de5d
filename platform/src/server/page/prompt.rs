//! The prompt of a task as HTML. It is plain text for a model, not Markdown: a `*` in it is a `*`.

use maud::{Markup, html};

/// The prompt in paragraphs. Fenced blocks, and paragraphs whose lines are indented, keep their lines.
pub(super) fn prompt(text: &str) -> Markup {
    html! {
        @for block in blocks(text) {
            @match block {
                PromptBlock::Code(code) => { pre tabindex="0" { code { (code) } } },
                PromptBlock::Text(text) => p { (text) },
            }
        }
    }
}

/// A part of a prompt.
#[derive(Debug, PartialEq, Eq)]
enum PromptBlock {
    Text(String),
    Code(String),
}

fn blocks(text: &str) -> Vec<PromptBlock> {
    let mut blocks = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            flush(&mut paragraph, &mut blocks);
            let code: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            blocks.push(PromptBlock::Code(code.join("\n")));
        } else {
            paragraph.push(line);
        }
    }
    flush(&mut paragraph, &mut blocks);
    blocks
}

/// Splits lines at empty ones. Where a line is indented, the lines up to the next empty line at the margin are code, which
/// may hold empty lines itself.
fn flush(lines: &mut Vec<&str>, blocks: &mut Vec<PromptBlock>) {
    let is_indented = |line: &str| line.starts_with([' ', '\t']);
    for part in std::mem::take(lines).split(|line| line.trim().is_empty()) {
        if part.is_empty() {
            continue;
        }
        let is_code = part.iter().any(|line| is_indented(line));
        match blocks.last_mut() {
            Some(PromptBlock::Code(code)) if is_code && is_indented(part[0]) => {
                code.push_str("\n\n");
                code.push_str(&part.join("\n"));
            }
            _ if is_code => blocks.push(PromptBlock::Code(part.join("\n"))),
            _ => blocks.push(PromptBlock::Text(part.join("\n"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_and_indents_separate_code_from_text() {
        let text = |text: &str| PromptBlock::Text(text.to_owned());
        let code = |code: &str| PromptBlock::Code(code.to_owned());
        let check = |prompt: &str, expected: &[PromptBlock]| assert_eq!(blocks(prompt), expected);
        check("One *line*.", &[text("One *line*.")]);
        check("One.\n\nTwo.", &[text("One."), text("Two.")]);
        check(
            "See:\n```python\nx = 1\n\ny = 2\n```\nDone.",
            &[text("See:"), code("x = 1\n\ny = 2"), text("Done.")],
        );
        check(
            "Repair:\n\ndef f():\n    x = 1\n\n    return x\n\nNow.",
            &[text("Repair:"), code("def f():\n    x = 1\n\n    return x"), text("Now.")],
        );
        check("```\nno end", &[code("no end")]);
        check("", &[]);
    }
}
