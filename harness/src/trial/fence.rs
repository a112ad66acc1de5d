//! Markdown code fences. The judge removes the fence around an answer, and the miner takes the code out of a
//! model's reply.
//!
//! Fences follow `CommonMark`: three or more backticks or tildes, an optional info string, and a closing fence of
//! the same character that is at least as long. Lists, quotes and HTML are not parsed: models put fences into
//! tags and under badly indented list items, where a complete Markdown parser sees none.

use std::borrow::Cow;
use std::ops::Range;

/// Longest indentation of a closing fence, in characters more than its opening fence has.
const MAX_CLOSING_INDENT: usize = 3;

/// The opening line of a fenced block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fence<'a> {
    indent: &'a str,
    mark: char,
    length: usize,
}

impl<'a> Fence<'a> {
    /// Parses an opening fence. The info string of a backtick fence has no backtick in it, as otherwise the line
    /// is inline code.
    fn opening(line: &'a str) -> Option<Self> {
        let rest = line.trim_start_matches([' ', '\t']);
        let indent = &line[..line.len() - rest.len()];
        let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = rest.trim_start_matches(mark);
        let length = rest.len() - info.len();
        (length >= 3 && (mark == '~' || !info.contains('`'))).then_some(Self {
            indent,
            mark,
            length,
        })
    }

    /// Returns whether a line holds nothing but a fence of this kind, at any indentation.
    fn is_matched_by(self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|c| c == self.mark)
    }

    /// Returns whether a line closes the block. A deeper fence is part of the content, such as one in an
    /// indented docstring.
    fn is_closed_by(self, line: &str) -> bool {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        self.is_matched_by(line) && indent <= self.indent.len() + MAX_CLOSING_INDENT
    }

    /// The content without the indentation of the fence. `CommonMark` would also shorten lines that are indented
    /// less than the fence, which breaks Python; here the indentation goes only if all lines have it.
    fn dedent(self, content: &str) -> Cow<'_, str> {
        let is_blank = |line: &str| line.trim().is_empty();
        let is_indented = |line: &str| is_blank(line) || line.starts_with(self.indent);
        if self.indent.is_empty() || !content.lines().all(is_indented) {
            return content.into();
        }
        let lines = content.split_inclusive('\n');
        lines.map(|line| line.strip_prefix(self.indent).unwrap_or(line)).collect::<String>().into()
    }
}

/// A fenced block within a text.
#[derive(Clone, Debug)]
pub struct FencedBlock<'a> {
    text: &'a str,
    fence: Fence<'a>,
    /// Where the opening fence begins.
    start: usize,
    content: Range<usize>,
    /// Where the line after the closing fence begins; none if the block is not closed.
    after: Option<usize>,
}

impl<'a> FencedBlock<'a> {
    /// Finds the first block that begins at the byte offset `from` or later.
    pub fn first(text: &'a str, from: usize) -> Option<Self> {
        let opening = |(start, line)| Some((start, line, Fence::opening(line)?));
        let (start, line, fence) = lines(text, from).find_map(opening)?;
        Some(Self::closed_after(text, fence, start, start + line.len()))
    }

    fn closed_after(text: &'a str, fence: Fence<'a>, start: usize, begin: usize) -> Self {
        let closing = lines(text, begin).find(|(_, line)| fence.is_closed_by(line));
        let content = begin..closing.map_or(text.len(), |(offset, _)| offset);
        let after = closing.map(|(offset, line)| offset + line.len());
        Self { text, fence, start, content, after }
    }

    /// The block that the next possible closing fence ends, for content in which a line looks like a closing
    /// fence, such as a docstring with an example.
    pub fn wider(&self) -> Option<Self> {
        let further = lines(self.text, self.after?);
        let (offset, line) = further.into_iter().find(|(_, line)| self.fence.is_closed_by(line))?;
        let content = self.content.start..offset;
        Some(Self { content, after: Some(offset + line.len()), ..self.clone() })
    }

    /// The content, without its last line break, without a byte order mark, and without the indentation of the
    /// fence. A fence at the end of the last line of an unclosed block is removed.
    pub fn content(&self) -> Cow<'a, str> {
        let content = without_bom(&self.text[self.content.clone()]);
        if self.is_closed() {
            return self.fence.dedent(without_line_break(content));
        }
        let closing: String = std::iter::repeat_n(self.fence.mark, self.fence.length).collect();
        let trimmed = content.trim_end();
        self.fence.dedent(trimmed.strip_suffix(&closing).unwrap_or(without_line_break(content)))
    }

    /// Returns whether a closing fence ends the block. An unclosed block extends to the end of the text.
    pub const fn is_closed(&self) -> bool {
        self.after.is_some()
    }

    /// The byte offset at which the search for another block continues.
    pub fn end(&self) -> usize {
        self.after.unwrap_or(self.text.len())
    }
}

/// An answer without the Markdown fence around it, if it has one, and without a byte order mark.
///
/// The outermost fence decides: the first line opens it, and the last line closes it whatever is between them, as
/// code may hold lines that look like fences. An unclosed fence ends with the text. Several blocks one after the
/// other, or text outside the block, are not a fence around the answer.
pub fn unfenced(answer: &str) -> Cow<'_, str> {
    let answer = without_bom(answer);
    around(answer).map_or(answer.into(), |block| block.content())
}

fn around(answer: &str) -> Option<FencedBlock<'_>> {
    let block = FencedBlock::first(answer, 0)?;
    let is_first = answer[..block.start].trim().is_empty();
    let last_line = answer.trim_end().rfind('\n').map_or(0, |newline| newline + 1);
    if !is_first || last_line < block.content.start && block.is_closed() {
        return None;
    }
    let closes =
        last_line >= block.content.start && block.fence.is_matched_by(&answer[last_line..]);
    if closes && !is_sequence(answer) {
        return Some(FencedBlock {
            content: block.content.start..last_line,
            after: Some(answer.len()),
            ..block
        });
    }
    (!block.is_closed() && !closes).then_some(block)
}

/// Returns whether a text consists of several fenced blocks and nothing else.
fn is_sequence(text: &str) -> bool {
    let (mut from, mut blocks) = (0, 0);
    while let Some(block) = FencedBlock::first(text, from) {
        if !text[from..block.start].trim().is_empty() {
            return false;
        }
        (from, blocks) = (block.end(), blocks + 1);
    }
    blocks > 1 && text[from..].trim().is_empty()
}

/// The lines from a byte offset on, each with its offset and its line break.
fn lines(text: &str, from: usize) -> impl Iterator<Item = (usize, &str)> {
    text[from..].split_inclusive('\n').scan(from, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line))
    })
}

fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that an answer without its fence is `expected`.
    fn check(answer: &str, expected: &str) {
        assert_eq!(unfenced(answer), expected, "{answer:?}");
    }

    /// Checks that an answer stays as it is.
    fn check_unchanged(answer: &str) {
        check(answer, answer);
    }

    #[test]
    fn removes_fences_of_every_form() {
        for opening in [
            "```",
            "```python",
            "``` python",
            "```python title=\"x\"",
            "```{.python}",
            "``` {.python .numberLines startFrom=\"1\"}",
            "```c++",
            "```python\t",
        ] {
            check(&format!("{opening}\nx = 1\n```\n"), "x = 1");
            check(&format!("{opening}\r\nx = 1\r\n```\r\n"), "x = 1");
        }
        for (opening, closing) in [
            ("````", "````"),
            ("`````py", "`````"),
            ("~~~", "~~~"),
            ("~~~~~ python", "~~~~~"),
            ("~~~ a`b~", "~~~"),
            ("```", "````"),
            ("  ```", "```  "),
            ("```", "      ```"),
        ] {
            check(&format!("\n{opening}\nx = 1\n  y\n{closing}\n\n"), "x = 1\n  y");
        }
        check("```\n```", "");
        check("```python\nx = 1```", "x = 1");
        check("```python\nx = 1\n", "x = 1");
        check("```python", "");
    }

    #[test]
    fn ignores_a_byte_order_mark() {
        check("\u{feff}x = 1\n", "x = 1\n");
        check("\u{feff}```\nx = 1\n```", "x = 1");
        check("```\n\u{feff}x = 1\n```", "x = 1");
    }

    #[test]
    fn keeps_fences_within_the_code() {
        for code in [
            "def f():\n    '''\n    ```\n    x\n    ```\n    '''",
            "'''\n```\nx\n```\n'''\ndef f(): pass",
            "'''\n```python\nx\n```\n'''\ndef f(): pass",
            "'''\n~~~\n'''",
            "'''\n```\n'''",
        ] {
            check(&format!("```python\n{code}\n```"), code);
            check(&format!("````\n{code}\n````\n"), code);
        }
    }

    #[test]
    fn removes_the_indentation_of_the_fence() {
        check("  ```\n  def f():\n\n      pass\n  ```", "def f():\n\n    pass");
        check("\t```\n\tdef f():\n\t    pass\n\t```", "def f():\n    pass");
        check("   ```\n   '''\n       ```\n   '''\n   ```", "'''\n    ```\n'''");
    }

    #[test]
    fn leaves_other_text_unchanged() {
        for answer in [
            "",
            "x = 1\n",
            "Here:\n```\nx = 1\n```",
            "```\nx = 1\n```\nThat is all.",
            "```\na\n```\n```\nb\n```",
            "```\na\n```\n\n~~~\nb\n~~~\n",
            "```python x = 1 ```",
            "``\nx = 1\n``",
            "'''\nx = 1\n'''",
        ] {
            check_unchanged(answer);
        }
    }

    #[test]
    fn finds_blocks_one_after_the_other() {
        let text = "a\n```py\nb\n```\n- c\n\n  ~~~\n  d\n  ```\n  ~~~\n````\ne\n```\n";
        let (mut from, mut found) = (0, Vec::new());
        while let Some(block) = FencedBlock::first(text, from) {
            from = block.end();
            found.push((block.content().into_owned(), block.is_closed()));
        }
        let expected = [("b", true), ("d\n```", true), ("e\n```", false)];
        assert_eq!(found, expected.map(|(content, closed)| (content.to_owned(), closed)));
    }

    #[test]
    fn widens_a_block_to_each_further_closing_fence() {
        let block = FencedBlock::first("```\na\n```\nb\n```python\nc\n```\n", 0).unwrap();
        let wider = block.wider().unwrap();
        assert_eq!(wider.content(), "a\n```\nb\n```python\nc");
        assert!(wider.wider().is_none());
        assert!(FencedBlock::first("```\na", 0).unwrap().wider().is_none());
    }
}
