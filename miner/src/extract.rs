//! Takes the code out of what a model said.
//!
//! Models wrap code in prose, fences, tags, JSON or their own thoughts, and stop in the middle. This finds the
//! piece that is most likely meant, by rules that are tried in order; whether it is any good is for others to
//! say. It gives up rather than pass prose on as code.

use std::sync::LazyLock;

use platform::validation;
use regex::Regex;
use serde_json::Value;

/// There is no code in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCode {
    /// There is nothing in it at all.
    #[error("the answer is empty")]
    Empty,
    /// There are only other things in it.
    #[error("there is no Python code in the answer")]
    OnlyProse,
}

/// Most pieces of an answer that are looked at with a parser. Real answers have a handful.
const MAX_LOOKS: usize = 40;

/// The code in an answer that should define `entry_point`. It ends with a line break.
pub fn code(answer: &str, entry_point: &str) -> Result<String, NoCode> {
    let text = without_thoughts(answer).replace("\r\n", "\n");
    let text = trimmed(&text);
    if text.is_empty() {
        return Err(NoCode::Empty);
    }
    let unwrapped = in_json(text, entry_point).or_else(|| in_tag(text, entry_point));
    let text = unwrapped.as_deref().unwrap_or(text);
    let blocks = fenced(text);
    let found = defining(&blocks, entry_point).or_else(|| {
        let bare: Vec<_> = bare(text).into_iter().collect();
        defining(&bare, entry_point).or_else(|| longest([bare, blocks].concat()))
    });
    let found = found.ok_or(NoCode::OnlyProse)?;
    Ok(format!("{}\n", found.trim_matches('\n').trim_end()))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
}

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is right")
}

/// The answer without what a model thinks aloud before it, and without the marks between the two that badly
/// configured servers let through. A thought that does not end is all that there is.
pub fn without_thoughts(answer: &str) -> String {
    static THOUGHTS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?is)<(think|thinking|thought|reasoning)>.*?(</(think|thinking|thought|reasoning)>|\z)",
        )
    });
    // Some servers put the opening tag into the question, and then only the closing one comes back.
    static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?is)\A.*(</(think|thinking|thought|reasoning)>|<\|channel\|>final<\|message\|>)")
    });
    static MARKS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?m)(<\|\w{1,40}\|>)+[ \t]*$|</s>\s*\z"));
    let text = THOUGHTS.replace_all(answer, "");
    let text = BEFORE.replace(&text, "");
    MARKS.replace_all(&text, "").into_owned()
}

/// The code in `{"code": "..."}` and its like: the last text in there, however deep, that has the name.
fn in_json(text: &str, entry_point: &str) -> Option<String> {
    let inner = fenced(text).into_iter().find(|block| block.trim_start().starts_with(['{', '[']));
    let value = serde_json::from_str(inner.as_deref().unwrap_or(text).trim()).ok()?;
    let mut last = None;
    let mut left: Vec<Value> = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) if last.is_none() && defines(&text, entry_point) => {
                last = Some(text);
            }
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    last
}

/// The code between tags such as `<answer>`.
fn in_tag(text: &str, entry_point: &str) -> Option<String> {
    static TAGS: LazyLock<Regex> = LazyLock::new(|| {
        let tag = |name| format!(r"<{name}\b[^>\n]*>(?P<{name}>.*?)</{name}>");
        let tags = ["answer", "code", "python", "solution"].map(tag).join("|");
        pattern(&format!("(?s){tags}"))
    });
    let inner = |found: regex::Captures<'_>| {
        found.iter().skip(1).flatten().next().map(|inner| inner.as_str().to_owned())
    };
    let inner = TAGS.captures_iter(text).filter_map(inner);
    inner.filter(|inner| defines(inner, entry_point)).last()
}

/// The blocks between Markdown fences.
fn fenced(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        let fence = fence(line);
        match &mut open {
            None => open = fence.map(|fence| (fence, String::new())),
            Some((opening, block)) => {
                let fence = fence.filter(|fence| fence.starts_with(*opening));
                match fence {
                    Some(fence) if line.trim() == fence => {
                        blocks.push(std::mem::take(block));
                        open = None;
                    }
                    // A fence that names a language opens, also within another: Markdown in Markdown.
                    Some(fence) => open = Some((fence, String::new())),
                    None => {
                        block.push_str(line);
                        block.push('\n');
                    }
                }
            }
        }
    }
    blocks.extend(open.map(|(fence, block)| unclosed(fence, &block)));
    let code = |block: &String| without_prompts(&dedent(trimmed_start(block)));
    blocks.iter().map(code).filter(|code| !code.trim().is_empty()).collect()
}

/// The three or more backticks or tildes that a line begins with.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let fence = &line[..line.len() - rest.len()];
    (fence.len() >= 3 && !rest.contains('`')).then_some(fence)
}

/// A block that goes on to the end, without a fence at the end of its last line, and without the prose that
/// may follow.
fn unclosed(fence: &str, block: &str) -> String {
    let block = block.trim_end();
    let block = block.strip_suffix(fence).unwrap_or(block);
    longest_python(block).unwrap_or(block).to_owned()
}

fn trimmed_start(block: &str) -> &str {
    block.trim_start_matches(['\u{feff}', '\n'])
}

/// What was typed at the prompts `>>>` and `...`, if that is what the block shows.
fn without_prompts(block: &str) -> String {
    if !block.trim_start().starts_with(">>>") {
        return block.to_owned();
    }
    let typed = |line: &str| {
        let line = line.trim_start();
        let typed = line.strip_prefix(">>>").or_else(|| line.strip_prefix("..."))?;
        Some(format!("{}\n", typed.strip_prefix(' ').unwrap_or(typed)))
    };
    block.lines().filter_map(typed).collect()
}

/// The last piece that defines what is wanted and is Python, for models correct themselves; else one that
/// is broken, so that the model hears where.
fn defining(pieces: &[String], entry_point: &str) -> Option<String> {
    let wanted = || pieces.iter().rev().filter(|text| defines(text, entry_point));
    let whole = wanted().take(MAX_LOOKS).find(|text| is_python(text));
    whole.or_else(|| wanted().next()).cloned()
}

/// The longest piece that is any Python.
fn longest(mut pieces: Vec<String>) -> Option<String> {
    pieces.sort_by_key(|text| std::cmp::Reverse(text.len()));
    pieces.into_iter().take(MAX_LOOKS).find(|text| is_python(text))
}

/// Code without any wrapping, perhaps with prose before and after it.
fn bare(text: &str) -> Option<String> {
    static CODE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"(?m)^(import |from [\w.]+ import|def |async def |class |@\w|#|"""|[A-Za-z_]\w* *=)"#,
        )
    });
    static DEFINITION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^(def|async def|class) "));
    if !DEFINITION.is_match(text) {
        return None;
    }
    // Prose may begin like code: "# Solution", "class of problems".
    let starts = || CODE.find_iter(text).map(|found| &text[found.start()..]);
    let mut whole = starts().take(10).filter_map(longest_python);
    let found = whole.find(|code| DEFINITION.is_match(code));
    // If it is broken, the model should hear where.
    found.or_else(|| starts().next()).map(|code| code.trim_end().to_owned())
}

/// The longest beginning of a text that is Python, in whole lines, with no more than a little prose cut off.
fn longest_python(text: &str) -> Option<&str> {
    let mut rest = text.trim_end();
    for _ in 0..MAX_LOOKS {
        if is_python(rest) {
            return Some(rest);
        }
        rest = rest[..rest.rfind('\n')?].trim_end();
    }
    None
}

/// Whether the text defines this name, and not only within a class or another function.
pub fn defines(text: &str, name: &str) -> bool {
    // Of the lines that a line stands under: how far each is indented, and whether it defines something.
    let mut above: Vec<(usize, bool)> = Vec::new();
    text.lines().filter(|line| !line.trim().is_empty()).any(|line| {
        let indentation = indent(line);
        while above.pop_if(|(further_out, _)| *further_out >= indentation).is_some() {}
        let within = above.iter().any(|(_, defines)| *defines);
        above.push((indentation, definition(line).is_some()));
        !within && defines_here(line, name)
    })
}

fn defines_here(line: &str, name: &str) -> bool {
    let rest = |text: &str| text.trim_start().strip_prefix(name).map(str::to_owned);
    if let Some(rest) = definition(line).and_then(rest) {
        return !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    }
    rest(line).is_some_and(|rest| {
        let rest = rest.trim_start();
        rest.starts_with(':') || rest.starts_with('=') && !rest.starts_with("==")
    })
}

/// What follows `def` or `class` in a line.
fn definition(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("def ").or_else(|| line.strip_prefix("class "))
}

fn is_python(text: &str) -> bool {
    validation::validate(text.as_bytes()).is_ok()
}

/// White space at the beginning of a line, in bytes.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The text without the indentation that all its lines share.
fn dedent(text: &str) -> String {
    let blank = |line: &&str| line.trim().is_empty();
    let shared = text.lines().filter(|line| !blank(line)).map(indent).min().unwrap_or(0);
    if shared == 0 {
        return text.to_owned();
    }
    let lines = text.lines().map(|line| if blank(&line) { "" } else { &line[shared..] });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
