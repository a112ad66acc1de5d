//! Evaluate arithmetic with precedence and parentheses.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Parsing, "evaluate", "Arithmetic expressions")
        .asks(
            "Implement a function evaluate(expression: str) -> int that computes an arithmetic \
             expression of whole numbers. A number is one or more of the digits 0-9. The operators \
             are +, - and *, and / for the division that rounds down (as Python's // does); * and \
             / bind tighter than + and -, and operators of the same strength work from left to \
             right. A minus sign may stand before a number, a parenthesis or another such sign, \
             and binds tighter than all of them. Parentheses ( ) group. Spaces may stand between \
             all of these and say nothing. A division by zero raises ZeroDivisionError; whatever \
             is no such expression raises ValueError, which comes first if both hold.",
        )
        .solved_by(
            r#"
import re


def evaluate(expression: str) -> int:
    tokens = re.findall(r"[0-9]+|[^ ]", expression) + [""]
    place, by_zero = 0, False

    def take():
        nonlocal place
        place += 1
        return tokens[place - 1]

    def unit():
        token = take()
        if token == "-":
            return -unit()
        if token == "(":
            value = total()
            if take() != ")":
                raise ValueError("a parenthesis is not closed")
            return value
        if re.fullmatch("[0-9]+", token):
            return int(token)
        raise ValueError(f"unexpected {token!r}")

    def product():
        nonlocal by_zero
        value = unit()
        while tokens[place] in ("*", "/"):
            operator, other = take(), unit()
            if operator == "*":
                value *= other
            elif other:
                value //= other
            else:
                by_zero = True
        return value

    def total():
        value = product()
        while tokens[place] in ("+", "-"):
            if take() == "+":
                value += product()
            else:
                value -= product()
        return value

    value = total()
    if tokens[place]:
        raise ValueError(f"unexpected {tokens[place]!r}")
    if by_zero:
        raise ZeroDivisionError
    return value
"#,
        )
        .mutant("rounds_towards_zero", "value //= other", "value = int(value / other)")
        .mutant(
            "ignores_what_follows",
            "    if tokens[place]:\n        raise ValueError(f\"unexpected {tokens[place]!r}\")\n",
            "",
        )
        .mutant("minus_goes_right_to_left", "value -= product()", "value -= total()")
        .mutant("one_minus_only", "return -unit()", "return -int(take())")
        .wrong(
            "lets_python_do_it",
            r#"
def evaluate(expression):
    try:
        return eval(expression.replace("/", "//"), {"__builtins__": {}})
    except ZeroDivisionError:
        raise
    except Exception as error:
        raise ValueError(error)
"#,
        )
        .example(("2 + 3 * (4 - 1)",), 11)
        .example(("-7 / 2",), -4)
        .example(("1 +",), Check::raises("ValueError"))
        .case("empty", ("",), Check::raises("ValueError"))
        .case("two_numbers", ("1 2",), Check::raises("ValueError"))
        .case("not_of_the_language", ("2**3",), Check::raises("ValueError"))
        .case("by_zero", ("1/(2-2)",), Check::raises("ZeroDivisionError"))
        .case("both_errors", ("1/0 +",), Check::raises("ValueError"))
        .case("leading_zeros", ("007 + 1",), 8)
        .generated(56, || (expressions(),), |(text,)| evaluated(text))
        .generated(5, || ("[1-9+*/() -]{6,12}",), |(text,)| evaluated(text))
}

/// Sums of subexpressions, with a few final terms that depend on the order of operations.
fn expressions() -> impl Strategy<Value = String> {
    let number = (0_u32..200).prop_map(|n| n.to_string());
    let part = number.prop_recursive(4, 10, 2, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|e| format!("-{e}")),
            2 => inner.clone().prop_map(|e| format!("({e})")),
            6 => (inner.clone(), " ?[-+*/] ?", inner).prop_map(|(a, op, b)| format!("{a}{op}{b}")),
        ]
    });
    (part, 1_u32..100, 1_u32..100)
        .prop_map(|(part, a, b)| format!("({part}) - {a} - {b} + --{a} - 0{b} * -(3 - 7) / 3"))
}

fn evaluated(text: &str) -> Check {
    let mut parser = ExpressionParser { rest: text.trim_start_matches(' '), by_zero: false };
    match parser.total().filter(|_| parser.rest.is_empty()) {
        Some(_) if parser.by_zero => Check::raises("ZeroDivisionError"),
        Some(value) => value.into(),
        None => Check::raises("ValueError"),
    }
}

struct ExpressionParser<'a> {
    rest: &'a str,
    by_zero: bool,
}

impl ExpressionParser<'_> {
    fn take(&mut self, wanted: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest.trim_start_matches(' ');
        true
    }

    fn total(&mut self) -> Option<BigInt> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<BigInt> {
        let mut value = self.unit()?;
        loop {
            if self.take('*') {
                value *= self.unit()?;
            } else if self.take('/') {
                let other = self.unit()?;
                if other == BigInt::from(0) {
                    self.by_zero = true;
                } else {
                    value = floor(&value, &other);
                }
            } else {
                return Some(value);
            }
        }
    }

    fn unit(&mut self) -> Option<BigInt> {
        if self.take('-') {
            return Some(-self.unit()?);
        }
        if self.take('(') {
            let value = self.total()?;
            return if self.take(')') { Some(value) } else { None };
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start_matches(' ');
        number.parse().ok()
    }
}

fn floor(a: &BigInt, b: &BigInt) -> BigInt {
    let (quotient, rest, zero) = (a / b, a % b, BigInt::from(0));
    let down = rest != zero && ((rest < zero) != (*b < zero));
    quotient - i32::from(down)
}
