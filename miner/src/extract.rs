//! Extracts the code from a model's reply.
//!
//! Models wrap code in prose, fences, tags, JSON or reasoning, and stop in the middle. The rules here are tried in
//! order and find the piece that is most likely meant. Whether it works is tested elsewhere. Prose is never returned
//! as code.

use std::sync::LazyLock;

use harness::trial::fence::FencedBlock;
use platform::validation;
use regex::Regex;
use serde_json::Value;

use helpers::with_helpers;
use reasoning::without_reasoning;

mod helpers;
pub mod reasoning;

/// The reply does not contain code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCode {
    /// It is empty.
    #[error("the answer is empty")]
    Empty,
    /// It contains only other text.
    #[error("the answer contains no Python code")]
    OnlyProse,
}

/// Most pieces of a reply that are parsed by each rule. Real replies have a handful.
const MAX_LOOKS: usize = 40;

/// Returns the code in a reply that should define `entry_point`. It ends with a line break.
pub fn code(reply: &str, entry_point: &str) -> Result<String, NoCode> {
    let text = without_reasoning(reply).replace("\r\n", "\n");
    let text = trimmed(&text);
    if text.is_empty() {
        return Err(NoCode::Empty);
    }
    let unwrapped = in_json(text, entry_point).or_else(|| in_tag(text, entry_point));
    let text = unwrapped.as_deref().unwrap_or(text);
    let blocks = fenced(text);
    let found = whole(&blocks, entry_point)
        .or_else(|| whole(&[raw_blocks(text).join("\n")], entry_point))
        .or_else(|| broken(&blocks, entry_point))
        .or_else(|| {
            let bare: Vec<_> = bare(text).into_iter().collect();
            let found = whole(&bare, entry_point).or_else(|| broken(&bare, entry_point));
            found.or_else(|| longest([bare, blocks].concat()))
        });
    let found = found.ok_or(NoCode::OnlyProse)?;
    Ok(format!("{}\n", found.trim_matches('\n').trim_end()))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
}

fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

/// The code in JSON such as `{"code": "..."}` or in a tool call that was written as text: the last text at any depth
/// that defines the name.
fn in_json(text: &str, entry_point: &str) -> Option<String> {
    static TOOL_CALL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?s)<(?:tool_call|function_call)>(.*?)(?:</(?:tool_call|function_call)>|\z)")
    });
    let calls = TOOL_CALL.captures_iter(text).map(|call| call[1].to_owned());
    let documents: Vec<_> =
        fenced(text).into_iter().chain(calls).chain([text.to_owned()]).collect();
    let is_json = |text: &&String| text.trim_start().starts_with(['{', '[', '"']);
    documents.iter().filter(is_json).rev().find_map(|json| in_document(json, entry_point))
}

fn in_document(json: &str, entry_point: &str) -> Option<String> {
    let mut last = None;
    let mut left: Vec<Value> = vec![serde_json::from_str(json.trim()).ok()?];
    while let Some(value) = left.pop() {
        match value {
            // The arguments of a tool call are JSON within a string.
            Value::String(text) if text.trim_start().starts_with('{') => {
                left.extend(serde_json::from_str::<Value>(&text));
            }
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

/// The code in the blocks between Markdown fences, in their order.
fn fenced(text: &str) -> Vec<String> {
    let code = |block: &String| without_prompts(&dedent(trimmed_start(block)));
    raw_blocks(text).iter().map(code).filter(|code| !code.trim().is_empty()).collect()
}

/// The blocks between Markdown fences, with their indentation.
fn raw_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    add_blocks(text, &mut blocks, &mut MAX_LOOKS.clone());
    blocks
}

/// Adds the blocks of a text. A block that is not Python may be Markdown itself, so its own blocks follow it.
fn add_blocks(text: &str, blocks: &mut Vec<String>, looks: &mut usize) {
    let mut from = 0;
    while let Some(block) = FencedBlock::first(text, from) {
        let (block, parses) = widened(block, looks);
        from = block.end();
        let content = block.content().into_owned();
        if block.is_closed() {
            blocks.push(content.clone());
        } else {
            blocks.push(longest_python(&content).unwrap_or(&content).to_owned());
        }
        if !parses && *looks > 0 {
            add_blocks(&content, blocks, looks);
        }
    }
}

/// The block with the closing fence that makes its content Python, or the block itself: a docstring may hold lines
/// that look like closing fences. Returns also whether the content is Python.
fn widened<'a>(block: FencedBlock<'a>, looks: &mut usize) -> (FencedBlock<'a>, bool) {
    let mut next = Some(block.clone());
    while let Some(candidate) = next.filter(|_| *looks > 0) {
        *looks -= 1;
        if is_python(&dedent(&candidate.content())) {
            return (candidate, true);
        }
        next = candidate.wider();
    }
    (block, false)
}

fn trimmed_start(block: &str) -> &str {
    block.trim_start_matches(['\u{feff}', '\n'])
}

/// The input of an interpreter session with the prompts `>>>` and `...`, if the block shows one.
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

/// The last piece that defines the name and is Python, because models correct themselves, together with the pieces
/// that it needs.
fn whole(pieces: &[String], entry_point: &str) -> Option<String> {
    let is_whole = |code: &String| defines(code, entry_point) && is_python(code);
    let candidates = (0..pieces.len()).rev().filter(|index| defines(&pieces[*index], entry_point));
    let main = candidates.take(MAX_LOOKS).find(|index| is_python(&pieces[*index]))?;
    with_helpers(pieces, main).filter(is_whole).or_else(|| pieces.get(main).cloned())
}

/// The last piece that defines the name. The model should learn what is wrong with it.
fn broken(pieces: &[String], entry_point: &str) -> Option<String> {
    pieces.iter().rev().find(|text| defines(text, entry_point)).cloned()
}

/// The longest piece that is Python.
fn longest(mut pieces: Vec<String>) -> Option<String> {
    pieces.sort_by_key(|text| std::cmp::Reverse(text.len()));
    pieces.into_iter().take(MAX_LOOKS).find(|text| is_python(text))
}

/// Code without a wrapping, with optional prose before and after it.
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
    // The model should learn what is wrong with broken code.
    found.or_else(|| starts().next()).map(|code| code.trim_end().to_owned())
}

/// The longest prefix of complete lines that is Python, within a limited number of attempts.
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

/// Returns whether the text defines a name, other than within a class or another function.
pub fn defines(text: &str, name: &str) -> bool {
    // The enclosing lines: the indentation of each, and whether it is a definition.
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

/// The rest of a line after `def` or `class`.
fn definition(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("def ").or_else(|| line.strip_prefix("class "))
}

fn is_python(text: &str) -> bool {
    validation::validate(text.as_bytes()).is_ok()
}

/// Indentation of a line, in bytes.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The text without the common indentation of its lines.
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
