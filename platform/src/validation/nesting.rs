//! Bounds on how deep a file nests, checked on its tokens before it is parsed.
//!
//! A parser, and any code that walks or frees its tree, recurses as deep as the source nests; `((((...` or
//! `-----...1` would overflow the stack and abort the server. Python has such limits too: 200 brackets, 100
//! indents, and about 3,000 links in a chain such as `1+1+...`.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::Mode;
use ruff_python_parser::lexer::lex;

use super::position::violation_at;
use crate::api::Violation;

/// Python: "too many nested parentheses".
const MAX_BRACKETS: usize = 200;
/// Python: "too many levels of indentation".
const MAX_INDENTS: usize = 100;
/// Python 3.11 cannot reuse a quote inside an f-string, and has four kinds of quotes.
const MAX_F_STRINGS: usize = 4;
/// Operators and similar tokens in a chain, in all open brackets together. Python's compiler fails at about
/// 3,000.
const MAX_LINKS: usize = 2_000;
/// `for` clauses in one pair of brackets. Python has no such limit; the parser library takes time that grows
/// with their square.
const MAX_FORS: usize = 100;

/// Returns the maximum nesting depth of the text, over all kinds of nesting together. Refuses a text that nests
/// too deep to parse.
pub(super) fn check(text: &str) -> Result<usize, Violation> {
    let reason = match deepest(text) {
        Ok(depth) => return Ok(depth),
        Err(reason) => reason,
    };
    // The lexer reports no positions. The shortest prefix that nests too deep ends at the position.
    let (mut fine, mut deep) = (0, text.len());
    while deep - fine > 1 {
        let middle = text.floor_char_boundary(fine.midpoint(deep));
        if middle == fine {
            break;
        }
        if deepest(&text[..middle]).is_err() { deep = middle } else { fine = middle }
    }
    Err(violation_at(text, fine, reason))
}

/// One open bracket, or the logical line itself.
#[derive(Clone, Copy, Default)]
struct NestingLevel {
    /// Tokens since the last comma that may each add a level to the tree.
    links: usize,
    /// `for` clauses since it was opened, across commas: a target may contain some.
    fors: usize,
    /// Lambdas whose parameter list is open. A comma among parameters ends no expression.
    open_lambdas: usize,
}

/// How deep the tokens so far nest.
struct Nesting {
    /// The logical line, and the open brackets in it.
    levels: Vec<NestingLevel>,
    /// The sum of the links of all levels.
    links: usize,
    indents: usize,
    f_strings: usize,
}

impl Nesting {
    fn new() -> Self {
        Self { levels: vec![NestingLevel::default()], links: 0, indents: 0, f_strings: 0 }
    }

    fn depth(&self) -> usize {
        self.links + self.levels.len() + self.indents + self.f_strings
    }

    fn level(&mut self) -> &mut NestingLevel {
        self.levels.last_mut().expect("the level of the logical line is never removed")
    }

    fn link(&mut self) {
        self.level().links += 1;
        self.links += 1;
    }

    fn add(&mut self, token: TokenKind) {
        match token {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                // `f()()()` and `a[0][0]` are chains as well.
                self.link();
                self.levels.push(NestingLevel::default());
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                if self.levels.len() > 1 {
                    self.links -= self.levels.pop().map_or(0, |level| level.links);
                }
            }
            TokenKind::Newline => {
                self.levels.truncate(1);
                self.levels[0] = NestingLevel::default();
                self.links = 0;
            }
            TokenKind::Comma | TokenKind::Semi => {
                if self.level().open_lambdas == 0 {
                    self.links -= std::mem::take(&mut self.level().links);
                }
            }
            TokenKind::Colon => {
                let level = self.level();
                level.open_lambdas = level.open_lambdas.saturating_sub(1);
                self.link();
            }
            TokenKind::Lambda => {
                self.level().open_lambdas += 1;
                self.link();
            }
            TokenKind::For => {
                self.level().fors += 1;
                self.link();
            }
            TokenKind::Indent => self.indents += 1,
            TokenKind::Dedent => self.indents = self.indents.saturating_sub(1),
            TokenKind::FStringStart | TokenKind::TStringStart => self.f_strings += 1,
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                self.f_strings = self.f_strings.saturating_sub(1);
            }
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline => {}
            // An operator, a keyword, or a token that the lexer does not know.
            _ => self.link(),
        }
    }

    /// Returns the limit that is exceeded as the error.
    fn check(&mut self) -> Result<(), String> {
        let excess = if self.level().fors > MAX_FORS {
            format!("more than {MAX_FORS} 'for' clauses in one expression: split it")
        } else if self.levels.len() - 1 > MAX_BRACKETS {
            format!("more than {MAX_BRACKETS} open brackets: nest less")
        } else if self.indents > MAX_INDENTS {
            format!("more than {MAX_INDENTS} levels of indentation: nest less")
        } else if self.f_strings > MAX_F_STRINGS {
            format!("more than {MAX_F_STRINGS} nested f-strings: nest less")
        } else if self.links > MAX_LINKS {
            format!("more than {MAX_LINKS} operators in one expression: split it")
        } else {
            return Ok(());
        };
        Err(excess)
    }
}

fn deepest(text: &str) -> Result<usize, String> {
    let mut depth = 0;
    let mut lexer = lex(text, Mode::Module);
    let mut nesting = Nesting::new();
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return Ok(depth),
            token => nesting.add(token),
        }
        nesting.check()?;
        depth = depth.max(nesting.depth());
    }
}
