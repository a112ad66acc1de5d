//! A program without its comments, blank lines and formatting: the tokens that are left, written in one way.
//!
//! Left out, or written in one way, is what formatters such as black change: whitespace, line breaks, the width of an
//! indentation, trailing commas, `;` and suites on the line of their header, quotes and prefixes of strings, and the
//! case of numbers. Names, values, docstrings and parentheses stay: a program that differs in those is another one.

use std::borrow::Cow;
use std::io;

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{AnyStringFlags, Mod};
use ruff_python_parser::Parsed;
use tasks::Sha256;

use crate::validation::read_program;

/// The first bytes that are digested. They change with the rules of this file.
const VERSION: &[u8] = b"arena tokens 1\n";

/// The kind of a token, as a byte of the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum TokenClass {
    Name = b'n',
    Keyword = b'k',
    Operator = b'o',
    Number = b'0',
    String = b's',
    /// The start of an f-string, the text between its fields, and its end.
    FormatStart = b'f',
    FormatText = b't',
    FormatEnd = b'e',
    Newline = b'\n',
    Indent = b'>',
    Dedent = b'<',
}

/// A token, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct CanonicalToken<'a> {
    pub(super) class: TokenClass,
    pub(super) text: Cow<'a, str>,
    /// Byte offset in the source.
    pub(super) offset: usize,
}

/// Returns the digest of a program's tokens: equal for programs that differ in comments, blank lines and formatting
/// alone. A file that is not valid Python has the digest of its bytes. Fails when the system has no resources to parse.
pub fn program_sha256(source: &[u8]) -> io::Result<Sha256> {
    let Ok(text) = std::str::from_utf8(source) else { return Ok(Sha256::of(source)) };
    let bytes = read_program(text, |parsed| {
        let mut bytes = VERSION.to_vec();
        for token in tokens(text, parsed) {
            bytes.push(token.class as u8);
            bytes.extend((token.text.len() as u64).to_le_bytes());
            bytes.extend(token.text.as_bytes());
        }
        bytes
    })?;
    Ok(Sha256::of(bytes.as_deref().unwrap_or(source)))
}

/// Returns the tokens of a parsed text in canonical form.
pub(super) fn tokens<'a>(text: &'a str, parsed: &Parsed<Mod>) -> Vec<CanonicalToken<'a>> {
    let mut writer = CanonicalWriter::new(text);
    let is_trivia = |kind| matches!(kind, TokenKind::Comment | TokenKind::NonLogicalNewline);
    for token in parsed.tokens() {
        let (kind, range) = token.as_tuple();
        if !is_trivia(kind) {
            let is_raw = token.string_flags().is_some_and(AnyStringFlags::is_raw_string);
            writer.add(kind, range.start().to_usize()..range.end().to_usize(), is_raw);
        }
    }
    writer.tokens
}

/// An open bracket, an f-string, or the logical line.
#[derive(Clone, Copy, Default)]
struct OpenBracket {
    kind: BracketKind,
    commas: usize,
    /// Lambdas whose parameters are being listed: their commas separate nothing else.
    lambdas: usize,
    /// Where its content starts.
    start: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum BracketKind {
    /// The logical line.
    #[default]
    Line,
    /// A comma alone makes a tuple of its content: parentheses around an expression, an index, a field of an f-string.
    Tuple,
    /// A trailing comma means nothing: a call, parameters, a list, a dict.
    List,
    FormatString,
    /// A field of an f-string.
    Field,
}

struct CanonicalWriter<'a> {
    source: &'a str,
    tokens: Vec<CanonicalToken<'a>>,
    brackets: Vec<OpenBracket>,
    before: Option<TokenKind>,
    /// The line is the header of a compound statement whose colon has not come yet.
    is_header: bool,
    /// The colon of a header came last.
    after_header: bool,
    /// The suite is on the line of its header.
    is_inline: bool,
    /// A field of an f-string shows its own text, up to the next token.
    shown_from: Option<usize>,
}

impl<'a> CanonicalWriter<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            tokens: Vec::new(),
            brackets: vec![OpenBracket::default()],
            before: None,
            is_header: false,
            after_header: false,
            is_inline: false,
            shown_from: None,
        }
    }

    fn push(&mut self, class: TokenClass, text: impl Into<Cow<'a, str>>, offset: usize) {
        self.tokens.push(CanonicalToken { class, text: text.into(), offset });
    }

    fn top(&mut self) -> &mut OpenBracket {
        self.brackets.last_mut().expect("the logical line is never removed")
    }

    fn add(&mut self, kind: TokenKind, range: std::ops::Range<usize>, is_raw: bool) {
        let (at, source) = (range.start, self.source);
        let text = &source[range];
        if let Some(from) = self.shown_from.take() {
            // `f"{x = }"` prints the text of the field with its spaces.
            self.push(TokenClass::FormatText, &source[from..at], from);
        }
        if std::mem::take(&mut self.after_header) && kind != TokenKind::Newline {
            self.newline(at);
            self.push(TokenClass::Indent, "", at);
            self.is_inline = true;
        }
        self.note_header(kind);
        match kind {
            TokenKind::Newline => {
                self.newline(at);
                if std::mem::take(&mut self.is_inline) {
                    self.push(TokenClass::Dedent, "", at);
                }
                self.brackets.truncate(1);
                self.brackets[0] = OpenBracket::default();
            }
            TokenKind::Semi => self.newline(at),
            TokenKind::Indent => self.push(TokenClass::Indent, "", at),
            TokenKind::Dedent => self.push(TokenClass::Dedent, "", at),
            TokenKind::EndOfFile => {}
            TokenKind::Name => self.push(TokenClass::Name, text, at),
            TokenKind::Int | TokenKind::Float | TokenKind::Complex => {
                self.push(TokenClass::Number, text.to_ascii_lowercase(), at);
            }
            TokenKind::String => {
                let (prefix, body) = split_string(text);
                let text = format!("{prefix}'{}", unquoted(body, is_raw));
                self.push(TokenClass::String, text, at);
            }
            TokenKind::FStringStart | TokenKind::TStringStart => {
                self.open(BracketKind::FormatString, at + text.len());
                self.push(TokenClass::FormatStart, split_string(text).0, at);
            }
            TokenKind::FStringMiddle | TokenKind::TStringMiddle => {
                self.push(TokenClass::FormatText, unquoted(text, is_raw), at);
            }
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                self.brackets.pop();
                self.push(TokenClass::FormatEnd, "", at);
            }
            kind if kind.is_keyword() => {
                if kind == TokenKind::Lambda {
                    self.top().lambdas += 1;
                }
                self.push(TokenClass::Keyword, text, at);
            }
            kind => self.operator(kind, text, at),
        }
        self.before = Some(kind);
    }

    fn operator(&mut self, kind: TokenKind, text: &'a str, at: usize) {
        match kind {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                let bracket = self.bracket_kind(kind);
                self.open(bracket, at + text.len());
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => self.close(),
            TokenKind::Comma if self.top().lambdas == 0 => self.top().commas += 1,
            TokenKind::Colon if self.top().lambdas > 0 => self.top().lambdas -= 1,
            TokenKind::Colon if self.is_header && self.top().kind == BracketKind::Line => {
                self.is_header = false;
                self.after_header = true;
            }
            TokenKind::Equal if self.top().kind == BracketKind::Field => {
                self.shown_from = Some(self.top().start);
            }
            _ => {}
        }
        self.push(TokenClass::Operator, text, at);
    }

    fn open(&mut self, kind: BracketKind, start: usize) {
        self.brackets.push(OpenBracket { kind, start, ..OpenBracket::default() });
    }

    /// Notes whether a line is the header of a compound statement. `match` and `case` are left out: their suites are
    /// rarely on the same line, and they are names as well.
    fn note_header(&mut self, kind: TokenKind) {
        let starts_line = matches!(
            self.before,
            None | Some(TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent)
        );
        if starts_line {
            self.is_header = matches!(
                kind,
                TokenKind::If
                    | TokenKind::Elif
                    | TokenKind::Else
                    | TokenKind::For
                    | TokenKind::While
                    | TokenKind::Def
                    | TokenKind::Class
                    | TokenKind::Try
                    | TokenKind::Except
                    | TokenKind::Finally
                    | TokenKind::With
                    | TokenKind::Async
            );
        }
    }

    fn bracket_kind(&mut self, kind: TokenKind) -> BracketKind {
        let follows_value = matches!(
            self.before,
            Some(
                TokenKind::Name
                    | TokenKind::Rpar
                    | TokenKind::Rsqb
                    | TokenKind::Rbrace
                    | TokenKind::String
                    | TokenKind::FStringEnd
            )
        );
        match kind {
            TokenKind::Lbrace if self.top().kind == BracketKind::FormatString => BracketKind::Field,
            TokenKind::Lbrace => BracketKind::List,
            TokenKind::Lpar if follows_value => BracketKind::List,
            TokenKind::Lsqb if !follows_value => BracketKind::List,
            _ => BracketKind::Tuple,
        }
    }

    /// Ends a bracket, and drops a comma before its end that means nothing.
    fn close(&mut self) {
        let Some(bracket) = self.brackets.pop_if(|bracket| bracket.kind != BracketKind::Line)
        else {
            return;
        };
        let is_plain = bracket.kind == BracketKind::List || bracket.commas > 1;
        let is_comma = self.before == Some(TokenKind::Comma) && bracket.lambdas == 0;
        if is_plain && is_comma && bracket.commas > 0 {
            self.tokens.pop();
        }
    }

    /// Ends a statement.
    fn newline(&mut self, at: usize) {
        if self.tokens.last().is_some_and(|token| token.class != TokenClass::Newline) {
            self.push(TokenClass::Newline, "", at);
        }
    }
}

/// Splits a string token, or the start of one, into its prefix in canonical form and the text between its quotes.
fn split_string(token: &str) -> (String, &str) {
    let start = token.find(['\'', '"']).unwrap_or(token.len());
    let (prefix, quoted) = token.split_at(start);
    let mut letters: Vec<_> = prefix.to_ascii_lowercase().chars().filter(|c| *c != 'u').collect();
    letters.sort_unstable();
    let width = if quoted.starts_with("'''") || quoted.starts_with("\"\"\"") { 3 } else { 1 };
    let body = quoted.get(width..quoted.len().saturating_sub(width)).unwrap_or_default();
    (letters.into_iter().collect(), body)
}

/// Writes the text between quotes as if no quote ended it, with the line ends that Python reads.
fn unquoted(body: &str, is_raw: bool) -> String {
    let mut text = String::with_capacity(body.len());
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\\' => match chars.next() {
                Some(quote @ ('\'' | '"')) if !is_raw => text.push(quote),
                Some(escaped) => text.extend(['\\', escaped]),
                None => text.push('\\'),
            },
            c => text.push(c),
        }
    }
    text
}
