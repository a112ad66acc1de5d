//! A program as symbols, in which near copies are equal: names are one symbol, numbers another, strings a third.
//!
//! Agents keep the code that they answer with in strings. A string that is itself a program is therefore read as code;
//! any other string is one symbol, and one that is a statement by itself, a docstring, is left out.

use std::collections::HashMap;
use std::io;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, Mod};
use ruff_text_size::Ranged as _;
use tasks::Sha256;

use super::GRAM_TOKENS;
use super::canonical::{CanonicalToken, TokenClass, tokens};
use crate::validation::read_program;

/// The symbols of a program; none if it is not valid Python.
#[derive(Clone, Debug, Default)]
pub(super) struct Symbols {
    pub(super) codes: Vec<u64>,
    /// The one-based line of each symbol.
    pub(super) lines: Vec<u32>,
    /// Whether each symbol is a name or a keyword.
    pub(super) words: Vec<bool>,
    /// Where the current statement starts.
    statement: usize,
}

/// One symbol for all tokens of a kind that may differ between near copies.
const NAME: u64 = 1;
const NUMBER: u64 = 2;
const STRING: u64 = 3;
const FORMAT_START: u64 = 4;
const FORMAT_END: u64 = 5;
const NEWLINE: u64 = 6;
const INDENT: u64 = 7;
const DEDENT: u64 = 8;

impl Symbols {
    /// Reads a program. Fails when the system has no resources to parse.
    pub(super) fn of(source: &str) -> io::Result<Self> {
        let mut symbols = Self::default();
        for piece in pieces(source)?.unwrap_or_default() {
            match piece {
                Piece::Symbol(symbol) => symbols.push(symbol),
                Piece::Literal { value, first_line, last_line } => {
                    symbols.push(Symbol { code: STRING, line: first_line, is_word: false });
                    symbols.embed(&value, first_line, last_line)?;
                }
            }
        }
        Ok(symbols)
    }

    /// Returns the digest of the symbols: equal for programs of which one is the other with other names and values.
    pub(super) fn sha256(&self) -> Sha256 {
        Sha256::of(&self.codes.iter().flat_map(|code| code.to_le_bytes()).collect::<Vec<_>>())
    }

    /// Returns whether a symbol is a change of indentation.
    pub(super) fn is_indentation(&self, at: usize) -> bool {
        matches!(self.codes[at], INDENT | DEDENT)
    }

    /// Adds the symbols of a string that is a program, of these lines.
    fn embed(&mut self, value: &str, first_line: u32, last_line: u32) -> io::Result<()> {
        let inner = pieces(value)?.unwrap_or_default();
        if inner.len() < GRAM_TOKENS {
            return Ok(());
        }
        for piece in inner {
            let symbol = match piece {
                Piece::Symbol(symbol) => symbol,
                Piece::Literal { first_line: line, .. } => {
                    Symbol { code: STRING, line, is_word: false }
                }
            };
            // The lines of a string in triple quotes are lines of the file.
            self.push(Symbol { line: (first_line + symbol.line - 1).min(last_line), ..symbol });
        }
        Ok(())
    }

    fn push(&mut self, symbol: Symbol) {
        let Symbol { code, line, is_word } = symbol;
        if code == NEWLINE && self.codes[self.statement..] == [STRING] {
            self.codes.pop();
            self.lines.pop();
            self.words.pop();
            return;
        }
        self.codes.push(code);
        self.lines.push(line);
        self.words.push(is_word);
        if matches!(code, NEWLINE | INDENT | DEDENT) {
            self.statement = self.codes.len();
        }
    }
}

#[derive(Clone, Copy)]
struct Symbol {
    code: u64,
    line: u32,
    is_word: bool,
}

/// A part of a program.
enum Piece {
    Symbol(Symbol),
    /// A string, possibly of several literals.
    Literal {
        value: String,
        first_line: u32,
        last_line: u32,
    },
}

/// Returns the parts of a text, or none if it is not valid Python.
fn pieces(source: &str) -> io::Result<Option<Vec<Piece>>> {
    read_program(source, |parsed| {
        let mut literals = Literals::default();
        if let Mod::Module(module) = parsed.syntax() {
            literals.visit_body(&module.body);
        }
        Splitter::new(source, literals).split(tokens(source, parsed))
    })
}

/// The strings of a program: by the offset of their first literal, where the last one ends, and the value.
#[derive(Default)]
struct Literals(HashMap<usize, (usize, String)>);

impl<'a> Visitor<'a> for Literals {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::StringLiteral(literal) = expr {
            let range = literal.range();
            let value = literal.value.to_str().to_owned();
            self.0.insert(range.start().to_usize(), (range.end().to_usize(), value));
        }
        walk_expr(self, expr);
    }
}

struct Splitter {
    line_starts: Vec<usize>,
    literals: Literals,
}

impl Splitter {
    fn new(source: &str, literals: Literals) -> Self {
        let newlines = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = newlines.map(|(offset, _)| offset + 1).collect();
        Self { line_starts, literals }
    }

    fn line(&self, offset: usize) -> u32 {
        let newlines = self.line_starts.partition_point(|start| *start <= offset);
        u32::try_from(newlines + 1).unwrap_or(u32::MAX)
    }

    fn split(mut self, tokens: Vec<CanonicalToken<'_>>) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(tokens.len());
        let mut literal_end = 0;
        for token in tokens {
            if token.class == TokenClass::String {
                if token.offset < literal_end {
                    continue;
                }
                if let Some((end, value)) = self.literals.0.remove(&token.offset) {
                    literal_end = end;
                    let (first_line, last_line) = (self.line(token.offset), self.line(end - 1));
                    pieces.push(Piece::Literal { value, first_line, last_line });
                    continue;
                }
            }
            let line = self.line(token.offset);
            let is_word = matches!(token.class, TokenClass::Name | TokenClass::Keyword);
            pieces.push(Piece::Symbol(Symbol { code: code(&token), line, is_word }));
        }
        pieces
    }
}

fn code(token: &CanonicalToken<'_>) -> u64 {
    match token.class {
        TokenClass::Name => NAME,
        TokenClass::Number => NUMBER,
        TokenClass::String | TokenClass::FormatText => STRING,
        TokenClass::FormatStart => FORMAT_START,
        TokenClass::FormatEnd => FORMAT_END,
        TokenClass::Newline => NEWLINE,
        TokenClass::Indent => INDENT,
        TokenClass::Dedent => DEDENT,
        TokenClass::Keyword | TokenClass::Operator => fnv1a(token.text.as_bytes()),
    }
}

/// A hash that is the same in every build (Fowler, Noll and Vo, 64 bits).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
