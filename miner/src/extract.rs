//! Takes the code out of what a model said.
//!
//! Models wrap code in prose, fences, tags, JSON or their own thoughts, and stop in the middle. This finds the
//! piece that is most likely meant, by rules that are tried in order; whether it is any good is for others to
//! say. It gives up rather than pass prose on as code.

use std::sync::LazyLock;

use platform::validation;
use regex::Regex;

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

/// The code in an answer that should define `entry_point`. It ends with a line break.
pub fn code(answer: &str, entry_point: &str) -> Result<String, NoCode> {
    let text = without_thoughts(answer);
    let text = text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return Err(NoCode::Empty);
    }
    let unwrapped = in_json(text).or_else(|| in_tag(text, entry_point));
    let text = unwrapped.as_deref().unwrap_or(text).replace("\r\n", "\n");
    let blocks = fenced(&text);
    let found = if blocks.is_empty() { bare(&text) } else { chosen(blocks, entry_point) };
    let found = found.ok_or(NoCode::OnlyProse)?;
    Ok(format!("{}\n", dedent(&found).trim_matches('\n').trim_end()))
}

/// What a model thinks aloud before it answers. A thought that does not end is all that there is.
fn without_thoughts(answer: &str) -> String {
    static THOUGHTS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?s)<(think|thinking|reasoning)>.*?(</(think|thinking|reasoning)>|\z)")
            .expect("the pattern is right")
    });
    THOUGHTS.replace_all(answer, "").into_owned()
}

/// The code in `{"code": "..."}` and its like.
fn in_json(text: &str) -> Option<String> {
    let inner = fenced(text).into_iter().find(|block| block.trim_start().starts_with('{'));
    let object = serde_json::from_str(inner.as_deref().unwrap_or(text).trim());
    let serde_json::Value::Object(fields) = object.ok()? else { return None };
    let names = ["code", "solution", "answer", "python", "source"];
    let code = names.iter().find_map(|name| fields.get(*name)?.as_str());
    code.map(str::to_owned)
}

/// The code between tags such as `<answer>`.
fn in_tag(text: &str, entry_point: &str) -> Option<String> {
    static TAGS: LazyLock<Regex> = LazyLock::new(|| {
        let tag = |name| format!(r"<{name}>(?P<{name}>.*?)</{name}>");
        let tags = ["answer", "code", "python", "solution"].map(tag).join("|");
        Regex::new(&format!("(?s){tags}")).expect("the pattern is right")
    });
    let inner = |found: regex::Captures<'_>| {
        found.iter().skip(1).flatten().next().map(|inner| inner.as_str().to_owned())
    };
    let inner = TAGS.captures_iter(text).filter_map(inner);
    inner.filter(|inner| defines(inner, entry_point)).last()
}

/// The blocks between Markdown fences. One that is never closed goes on to the end.
fn fenced(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        let fence = fence(line);
        match &mut open {
            None => open = fence.map(|fence| (fence, String::new())),
            Some((opening, block)) => {
                let closes =
                    fence.is_some_and(|fence| fence.starts_with(*opening) && line.trim() == fence);
                if closes {
                    blocks.push(std::mem::take(block));
                    open = None;
                } else {
                    block.push_str(line);
                    block.push('\n');
                }
            }
        }
    }
    blocks.extend(open.map(|(_, block)| block));
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

/// The three or more backticks or tildes that a line begins with.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let fence = &line[..line.len() - rest.len()];
    (fence.len() >= 3 && !rest.contains('`')).then_some(fence)
}

/// The last block that defines what is wanted, for models correct themselves; else all that is Python of
/// them together, for some spread one program over several blocks.
fn chosen(blocks: Vec<String>, entry_point: &str) -> Option<String> {
    if let Some(block) = blocks.iter().rev().find(|block| defines(block, entry_point)) {
        return Some(block.clone());
    }
    blocks.into_iter().filter(|block| is_python(&dedent(block))).max_by_key(String::len)
}

/// Code without any wrapping, perhaps with prose before and after it.
fn bare(text: &str) -> Option<String> {
    static CODE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?m)^(import |from [\w.]+ import|def |async def |class |@\w|#|"""|[A-Za-z_]\w* *=)"#,
        )
        .expect("the pattern is right")
    });
    static DEFINITION: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^(def|async def|class) ").expect("the pattern is right"));
    if !DEFINITION.is_match(text) {
        return None;
    }
    let start = CODE.find(text)?.start();
    let mut rest = text[start..].trim_end();
    // Few answers have more prose after the code than this, and each look costs a parse.
    for _ in 0..40 {
        if is_python(rest) {
            return Some(rest.to_owned());
        }
        let Some(line_break) = rest.rfind('\n') else { break };
        rest = &rest[..line_break];
    }
    // It is broken, and the model should hear where.
    Some(text[start..].to_owned())
}

/// Whether the text has a line that defines this name.
pub fn defines(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        let rest = line.strip_prefix("def ").or_else(|| line.strip_prefix("class "));
        let assigned = || line.strip_prefix(name).is_some_and(|rest| rest.trim().starts_with('='));
        rest.is_some_and(|rest| {
            let rest = rest.trim_start().strip_prefix(name);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        }) || assigned()
    })
}

fn is_python(text: &str) -> bool {
    validation::validate(text.as_bytes()).is_ok()
}

/// The text without the indentation that all its lines share.
fn dedent(text: &str) -> String {
    let blank = |line: &&str| line.trim().is_empty();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let shared = text.lines().filter(|line| !blank(line)).map(indent).min().unwrap_or(0);
    let lines = text.lines().map(|line| if blank(&line) { "" } else { &line[shared..] });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "def f(x):\n    return x\n";

    fn check(answer: &str, expected: Result<&str, NoCode>) {
        assert_eq!(code(answer, "f").as_deref().map_err(|error| *error), expected, "{answer:?}");
    }

    #[test]
    fn what_stands_before_the_function_stays() {
        for first in
            ["import re", "from re import sub", "from urllib.parse import quote", "LIMIT = 3"]
        {
            let answer = format!("{first}\n\n\ndef f(x):\n    return x\n");
            check(&answer, Ok(&answer));
        }
    }

    #[test]
    fn code_is_found_in_every_usual_shape() {
        for answer in [
            "def f(x):\n    return x",
            "\u{feff}\n\ndef f(x):\r\n    return x\r\n",
            "```python\ndef f(x):\n    return x\n```",
            "Sure! Here it is:\n\n```py\ndef f(x):\n    return x\n```\nIt returns x.",
            "~~~\ndef f(x):\n    return x\n~~~",
            "````markdown\ndef f(x):\n    return x\n````",
            "1. Do it:\n\n   ```python\n   def f(x):\n       return x\n   ```",
            "```python\ndef f(x):\n    return x",
            "<think>def f(x): return 1, or\n```python\ndef f(x): 2\n```</think>\ndef f(x):\n    return x",
            "<answer>\ndef f(x):\n    return x\n</answer>",
            "<code>```python\ndef f(x):\n    return x\n```</code>",
            r#"{"code": "def f(x):\n    return x", "explanation": "it returns x"}"#,
            "```json\n{\"solution\": \"def f(x):\\n    return x\"}\n```",
            "Here is the code.\ndef f(x):\n    return x\n\nIt's as simple as that.",
        ] {
            check(answer, Ok(CODE));
        }
    }

    #[test]
    fn of_several_blocks_the_last_that_defines_the_name_is_meant() {
        check(
            "```\ndef f(x):\n    return 1\n```\nNo:\n```\ndef f(x):\n    return x\n```",
            Ok(CODE),
        );
        check(
            "```python\ndef f(x):\n    return x\n```\nUse:\n```python\nprint(f(1))\n```",
            Ok(CODE),
        );
        check("```sh\npip install it\n```\n```python\ndef f(x):\n    return x\n```", Ok(CODE));
        check(
            "```python\ndef ff(x):\n    return 1\n```\n```\ndef f(x):\n    return x\n```",
            Ok(CODE),
        );
    }

    #[test]
    fn code_of_another_name_is_passed_on_so_that_the_model_hears_of_it() {
        check("```python\ndef g(x):\n    return x\n```", Ok("def g(x):\n    return x\n"));
    }

    #[test]
    fn broken_code_is_passed_on_so_that_the_model_hears_where() {
        check("```python\ndef f(x:\n    return x\n```", Ok("def f(x:\n    return x\n"));
        check("def f(x:\n    return x", Ok("def f(x:\n    return x\n"));
    }

    #[test]
    fn what_is_no_code_is_not_passed_on_as_code() {
        check("", Err(NoCode::Empty));
        check(" \n\t\u{feff}", Err(NoCode::Empty));
        check("<think>I must not", Err(NoCode::Empty));
        check("I cannot help with that.", Err(NoCode::OnlyProse));
        check("```\n```", Err(NoCode::OnlyProse));
        check("```text\nI can't, sorry.\n```", Err(NoCode::OnlyProse));
    }

    #[test]
    fn a_string_with_a_fence_in_it_does_not_end_a_longer_fence() {
        let code_with_fence = "def f(x):\n    return '''\n```\n'''\n";
        check(&format!("````python\n{code_with_fence}````"), Ok(code_with_fence));
    }
}
