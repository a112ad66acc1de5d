//! No input ends the process, and none takes long: every known way to nest, up to the maximum size of an upload,
//! and random programs made of difficult pieces.
//!
//! A stack overflow aborts, so the test cannot miss it. `FUZZ_CASES` sets the number of random programs; they
//! start from `FUZZ_SEED`, and a failure names its seed.

use std::time::{Duration, Instant};

use platform::api::MAX_SOURCE_BYTES;
use platform::similarity::program_sha256;
use platform::validation::validate;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tasks::Sha256;

/// The time after which a check is reported as slow, and the time that bounds a hang. On an idle machine no check
/// takes 0.3 s in an unoptimized build.
const SLOW: Duration = Duration::from_secs(5);
const HANG: Duration = Duration::from_mins(2);

/// Ways to nest: prefix, repeated opening, middle, repeated closing, suffix.
const NESTS: &[(&str, &str, &str, &str, &str)] = &[
    ("x = ", "(", "1", ")", ""),
    ("x = ", "[", "", "]", ""),
    ("x = ", "{", "", "}", ""),
    ("x = ", "{1:", "2", "}", ""),
    ("x = ", "f(", "1", ")", ""),
    ("x", "[0]", "", "", ""),
    ("x", "()", "", "", ""),
    ("x", ".a", "", "", ""),
    ("x", ".a[0]()", "", "", ""),
    ("x = ", "-", "1", "", ""),
    ("x = ", "~", "1", "", ""),
    ("x = ", "not ", "1", "", ""),
    ("x = ", "await ", "1", "", ""),
    ("x = ", "*", "y", "", ""),
    ("x = 1", "+1", "", "", ""),
    ("x = 1", "**1", "", "", ""),
    ("x = 1", "@y", "", "", ""),
    ("x = 1", "<1", "", "", ""),
    ("x = 1", " and 1", "", "", ""),
    ("x = 1", " and 1 or 1", "", "", ""),
    ("x = 1", " if 1 else 1", "", "", ""),
    ("x = ", "1 if ", "1", " else 1", ""),
    ("x = ", "lambda:", "1", "", ""),
    ("x = ", "lambda a,b:", "1", "", ""),
    ("x = ", "lambda a=", "1", ":1", ""),
    ("x = ", "lambda a,b=lambda c,d:", "1", ":1", ""),
    ("x = ", "(yield ", "1", ")", ""),
    ("x = ", "(a:=", "1", ")", ""),
    ("x = ", "[a for a in ", "y", "]", ""),
    ("x = [a", " for a in b", "", "", "]"),
    ("x = [a", " for a in b if c", "", "", "]"),
    ("x = [a", " for a,in b if c", "", "", "]"),
    ("", "x = ", "1", "", ""),
    ("x = y", "[a:", "b", "]", ""),
    ("x = ", "f'{", "1", "}'", ""),
    ("x = ", "f\"{f'{", "1", "}'}\"", ""),
    ("x = f'", "{1:", "", "}", "'"),
    ("x = f'", "{{", "", "", "'"),
    ("x = ", "'a'", "", "", ""),
    ("x = ", "f'{a}'", "", "", ""),
    ("", "@", "x", "", "\ndef f(): pass"),
    ("", "@x\n", "", "", "def f(): pass"),
    ("", "if x: ", "pass", "", ""),
    ("", "for x in y: ", "pass", "", ""),
    ("", "with x: ", "pass", "", ""),
    ("", "while x: ", "pass", "", ""),
    ("", "class x: ", "pass", "", ""),
    ("", "def f(): ", "pass", "", ""),
    ("", "async ", "def f(): pass", "", ""),
    ("", "try: ", "pass", "", ""),
    ("", "else: ", "pass", "", ""),
    ("if x: pass\n", "elif x: pass\n", "", "", ""),
    ("try: pass\n", "except x: pass\n", "", "", ""),
    ("match x:\n case ", "(", "1", ")", ": pass"),
    ("match x:\n case ", "[", "", "]", ": pass"),
    ("match x:\n case ", "{1:", "y", "}", ": pass"),
    ("match x:\n case ", "A(", "y", ")", ": pass"),
    ("match x:\n case ", "A(b=", "y", ")", ": pass"),
    ("match x:\n case a", ".a", "", "", ": pass"),
    ("match x:\n case 1", "|1", "", "", ": pass"),
    ("match x:\n case 1", " as y", "", "", ": pass"),
    ("match x:\n case ", "-", "1", "", ": pass"),
    ("", "match ", "x", "", ": pass"),
    ("", "match x: case y: ", "pass", "", ""),
    ("", "type X = ", "1", "", ""),
    ("def f", "[T: ", "1", "]", "(): pass"),
    ("def f(a:", "(", "1", ")", "): pass"),
    ("def f(a=", "lambda:", "1", "", "): pass"),
    ("def f() -> ", "(", "1", ")", ": pass"),
    ("del ", "(", "x", ")", ""),
    ("global x", ",x", "", "", ""),
    ("import a", ".a", "", "", ""),
    ("from ", ".", " import a", "", ""),
    ("from a import ", "(", "b", ")", ""),
    ("with ", "(", "x", ")", ": pass"),
    ("for ", "(", "x", ",)", " in y: pass"),
    ("raise ", "x from ", "y", "", ""),
    ("return ", "return ", "x", "", ""),
    ("assert ", "x, ", "y", "", ""),
    ("print ", "print ", "x", "", ""),
    ("", "(\n", "", "", ""),
    ("", "(\nif x:\n", "", "", ""),
    ("", "[(\n", "", "", ""),
    ("", ")", "", "", ""),
    ("", "}", "", "", ""),
    ("", "\\\n", "x", "", ""),
    ("", "\t\\\n", "x", "", ""),
    ("", "%", "x", "", ""),
    ("", "!", "x", "", ""),
    ("", "?", "x", "", ""),
    ("", "'", "", "", ""),
    ("", "'''", "", "", ""),
    ("", "f'''{", "", "", ""),
    ("", "f'{x!r:", "", "", ""),
    ("", "rb'", "", "", ""),
    ("x = ", "9", "", "", ""),
    ("x = ", "1_", "", "", ""),
    ("x = ", "0x", "", "", ""),
    ("x = ", "1e", "", "", ""),
    ("", "é", "", "", ""),
    ("", "ﷺ", "", "", ""),
    ("", ";", "", "", ""),
    ("", "x;", "", "", ""),
    ("", "#", "", "", ""),
    ("", "\n", "x", "", ""),
    ("", "\x0c", "x", "", ""),
];

/// Checks that validation ends in time. Returns whether the source is accepted.
fn check(source: &str, what: &str) -> bool {
    let start = Instant::now();
    let is_accepted = validate(source.as_bytes()).is_ok();
    let tokens = program_sha256(source.as_bytes()).unwrap();
    assert!(!is_accepted || tokens != Sha256::of(source.as_bytes()), "a program has tokens");
    let time = start.elapsed();
    if time > SLOW {
        println!("warning: {what} took {time:?}");
    }
    assert!(time < HANG, "{what} took {time:?}");
    is_accepted
}

#[test]
fn survives_every_way_to_nest_at_every_size() {
    for (before, open, middle, close, after) in NESTS {
        let fixed = before.len() + middle.len() + after.len();
        let most = (MAX_SOURCE_BYTES - fixed) / (open.len() + close.len());
        for count in [150, 199, 1_990, most] {
            let count = count.min(most);
            let (open, close) = (open.repeat(count), close.repeat(count));
            let what =
                format!("{before}{} ... {count} times", &open[..open.floor_char_boundary(40)]);
            check(&format!("{before}{open}{middle}{close}{after}\n"), &what);
            // The same, unclosed and without a final newline.
            check(&format!("{before}{open}{middle}"), &what);
        }
    }
}

#[test]
fn time_for_many_names_does_not_grow_with_their_square() {
    let names =
        |letter: char| (0..20_000).map(|n| format!("{letter}{n:x}")).collect::<Vec<_>>().join(",");
    check(&format!("def f({}):\n global {}\n", names('a'), names('b')), "parameters and globals");
}

#[test]
fn survives_nested_blocks() {
    for header in ["if x:", "for x in y:", "while x:", "with x:", "class x:", "def f():", "try:"] {
        for (depth, unclosed) in [(99, false), (101, false), (700, false), (700, true)] {
            let mut source = String::from(if unclosed { "(\n" } else { "" });
            for level in 0..depth {
                source.extend([" ".repeat(level), header.to_owned(), "\n".to_owned()]);
            }
            source.extend([" ".repeat(depth), "pass\n".to_owned()]);
            source.truncate(MAX_SOURCE_BYTES);
            check(&source, &format!("{header} {depth} deep"));
        }
    }
}

#[test]
fn survives_random_programs() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse::<u64>().expect(name))
    };
    let (seed, cases) = (number("FUZZ_SEED", 1), number("FUZZ_CASES", 500));
    let mut accepted = 0;
    for case in seed..seed + cases {
        let source = random_program(&mut StdRng::seed_from_u64(case));
        // If the process aborts, this is the last line.
        if std::env::var_os("FUZZ_CASES").is_some() {
            eprintln!("FUZZ_SEED={case}");
        }
        accepted += u64::from(check(&source, &format!("FUZZ_SEED={case}")));
    }
    // If every program is refused early, the parser is not tested.
    assert!(accepted > cases / 50, "only {accepted} of {cases} programs were accepted");
}

/// Pieces of programs: words, operators, and lines with their ends.
const PIECES: &[&str] = &[
    "x",
    "y",
    "1",
    "0.5",
    "'s'",
    "\"t\"",
    "f'{x}'",
    "f\"{x!r:>{y}}\"",
    "'''\n'''",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ";",
    ".",
    "=",
    ":=",
    "->",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "@",
    "<",
    "==",
    "!=",
    "~",
    "|",
    "&",
    "not ",
    " and ",
    " or ",
    " in ",
    " is ",
    " if ",
    " else ",
    "lambda ",
    "lambda:",
    "await ",
    "yield ",
    "*x",
    "**x",
    "...",
    "async ",
    "def f():",
    "class A:",
    "if x:",
    "for x in y:",
    "while x:",
    "try:",
    "except x:",
    "except* x:",
    "finally:",
    "with x as y:",
    "match x:",
    "case 1:",
    "case [x, *y]:",
    "import os",
    "import numpy",
    "from os import path",
    "return ",
    "raise ",
    "global x",
    "del x",
    "assert x",
    "pass",
    "break",
    "type X = int",
    "print x",
    "# comment",
    "\\\n",
    "\n",
    "\n",
    "\n ",
    "\n  ",
    "\n    ",
    "\n\t",
    "\r\n",
    " ",
    "é",
    "ｘ",
    "\u{feff}",
    "\u{202e}",
    "$",
    "?",
    "!",
    "`",
    "0777",
    "1_0",
    "0x_f",
];

/// Valid lines, so that a part of the programs is valid.
const LINES: &[&str] = &[
    "x = 1\n",
    "def f(a, b=1, *c, d, **e):\n    return a\n",
    "for i in range(3):\n    print(i)\n",
    "x = [i for i in y if i]\n",
    "import math, json as j\n",
    "class A(B):\n    x: int = 1\n",
    "with open(x) as f, g:\n    pass\n",
    "match x:\n    case {'a': 1, **r} if r:\n        pass\n",
    "x = f'{a!r:>{b}} {c=}'\n",
    "async def g():\n    async for i in h():\n        await i\n",
    "try:\n    pass\nexcept (A, B) as e:\n    raise C from e\nelse:\n    pass\n",
    "x = lambda *a, **k: (a, k)\n",
    "if (n := 1) > 0 and not x or y:\n    pass\nelif z:\n    pass\n",
    "@d(1)\ndef f() -> 'x': ...\n",
];

fn random_program(rng: &mut StdRng) -> String {
    let mut source = String::new();
    for _ in 0..rng.random_range(1..12) {
        match rng.random_range(0..10) {
            0..6 => source.push_str(LINES.choose(rng).unwrap()),
            6..8 => {
                for _ in 0..rng.random_range(1..8) {
                    source.push_str(PIECES.choose(rng).unwrap());
                }
            }
            8 => {
                // One piece, or two alternating ones, many times.
                let (one, other) = (PIECES.choose(rng).unwrap(), PIECES.choose(rng).unwrap());
                let pair = if rng.random() { format!("{one}{other}") } else { (*one).to_owned() };
                source.push_str(&pair.repeat(rng.random_range(1..4_000)));
            }
            _ => {
                // Remove a part.
                let end = source.floor_char_boundary(rng.random_range(0..=source.len()));
                let start = source.floor_char_boundary(rng.random_range(0..=end));
                source.replace_range(start..end, "");
            }
        }
    }
    source.truncate(source.floor_char_boundary(MAX_SOURCE_BYTES));
    source
}
