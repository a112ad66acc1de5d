//! The digest of a program: what it leaves out, and what it does not.

use proptest::prelude::*;
use tasks::Sha256;

use super::super::program_sha256;
use super::{ORIGINAL, RENAMED, UNRELATED};

fn digest(source: &str) -> Sha256 {
    program_sha256(source.as_bytes()).unwrap()
}

#[test]
fn formatting_does_not_change_the_digest() {
    for (one, other) in [
        // Comments, blank lines, the end of the file, line ends.
        ("x = 1\ny = 2\n", "# c\n\nx = 1  # d\n\n\n# e\ny = 2"),
        ("x = 1\ny = 2\n", "x = 1\r\ny = 2\r\n"),
        ("def f(a):\n    return a\n", "def f(a):\n\t# c\n\treturn a\n# e"),
        // Spaces, line breaks, indentation.
        ("x = f(1, 2)\n", "x=f( 1,\n  2 )\n"),
        ("x = 1 + 2\n", "x = 1 \\\n  + 2\n"),
        ("if a:\n    b()\nelse:\n    c()\n", "if a:\n  b()\nelse:\n        c()\n"),
        // Trailing commas where they mean nothing.
        ("f(a, b)\n", "f(\n    a,\n    b,\n)\n"),
        ("f(a)\n", "f(a,)\n"),
        ("x = [1]\n", "x = [1,]\n"),
        ("x = {1: 2}\n", "x = {1: 2,}\n"),
        ("x = (1, 2)\n", "x = (1, 2,)\n"),
        ("x = a[1, 2]\n", "x = a[1, 2,]\n"),
        ("def f(a): pass\n", "def f(a,): pass\n"),
        ("f(lambda a, b: a)\n", "f(lambda a, b: a,)\n"),
        // Statements on one line.
        ("a()\nb()\n", "a(); b();\n"),
        ("if x:\n    a()\n    b()\nc()\n", "if x: a(); b()\nc()\n"),
        ("class A:\n    x: int = 1\n", "class A: x: int = 1\n"),
        ("for x in {1: 2}:\n    pass\nelse:\n    y()\n", "for x in {1: 2}: pass\nelse: y()\n"),
        ("while (lambda: x)():\n    pass\n", "while (lambda: x)(): pass\n"),
        // Quotes, prefixes, the case of numbers.
        ("x = 'it\\'s \"q\"'\n", "x = \"it's \\\"q\\\"\"\n"),
        ("x = 'a'\n", "x = u\"\"\"a\"\"\"\n"),
        ("x = rb'a'\n", "x = Br'a'\n"),
        ("x = f'{a}\\'b'\n", "x = F\"{ a }'b\"\n"),
        ("x = 0xff, 1e5, 2j\n", "x = 0XFF, 1E5, 2J\n"),
        ("x = '''a\nb'''\n", "x = '''a\r\nb'''\n"),
    ] {
        assert_eq!(digest(one), digest(other), "{one:?} and {other:?}");
    }
}

#[test]
fn anything_else_changes_the_digest() {
    for (one, other) in [
        ("x = 1\n", "y = 1\n"),
        ("x = 1\n", "x = 2\n"),
        ("x = 'a b'\n", "x = 'a  b'\n"),
        ("x = '''a\nb'''\n", "x = '''a\n b'''\n"),
        ("x = 'a'\n", "x = b'a'\n"),
        ("x = '\\\\'\n", "x = r'\\n'\n"),
        ("x = '\\n'\n", "x = r'\\n'\n"),
        ("x = 'ab'\n", "x = 'a' 'b'\n"),
        ("x = 'y'\n", "x = y\n"),
        ("x = f'{a}'\n", "x = '{a}'\n"),
        ("def f():\n    'd'\n    return 1\n", "def f():\n    return 1\n"),
        ("x = (1)\n", "x = (1,)\n"),
        ("x = (a)(1)\n", "x = a(1)\n"),
        ("x = a[1]\n", "x = a[1,]\n"),
        ("return_ = not (a)\n", "return_ = not (a,)\n"),
        ("x = (lambda a, b: a)\n", "x = (lambda a, b: a,)\n"),
        ("x = f'{a}'\n", "x = f'{a,}'\n"),
        ("x = f'{a=}'\n", "x = f'{a = }'\n"),
        ("x = f'{a}b'\n", "x = f'{a} b'\n"),
        ("if x:\n    a()\n    b()\n", "if x:\n    a()\nb()\n"),
        ("if x: a(); b()\n", "if x: a()\nb()\n"),
        ("x = [1, 2]\n", "x = [12]\n"),
    ] {
        assert_ne!(digest(one), digest(other), "{one:?} and {other:?}");
    }
    assert_ne!(digest(ORIGINAL), digest(RENAMED));
    assert_ne!(digest(ORIGINAL), digest(UNRELATED));
}

#[test]
fn file_that_is_not_a_program_has_the_digest_of_its_bytes() {
    for source in
        [&b"def f(:\n"[..], b"x = 'a\n", b"", b"\xff", b"x = 1\0", b"# only a comment\n\xfe"]
    {
        assert_eq!(program_sha256(source).unwrap(), Sha256::of(source), "{source:?}");
    }
}

/// Published digests must not change with an update of the parser: bump the version in `canonical.rs` if they have to.
#[test]
fn digest_is_the_same_in_every_build() {
    let source = "def f(a):\n    return f'{a!r} {1.5}' if a else [a, None]\n";
    assert_eq!(
        digest(source).as_str(),
        "92468a4ad867c39732d909ef92d7573b5b1420ee42edf285ad268e61dd85ea75"
    );
}

/// Formats a program anew, by choices that change nothing.
fn reformatted(source: &str, choices: &[u8]) -> String {
    let mut choices = choices.iter().copied().cycle();
    let mut text = String::new();
    let mut in_string = false;
    for line in source.lines() {
        let body = line.trim_start();
        let width = line.len() - body.len();
        let starts_inside = in_string;
        in_string ^= line.matches("'''").count() % 2 == 1;
        if starts_inside || in_string {
            text.push_str(&format!("{line}\n"));
            continue;
        }
        let choice = choices.next().unwrap_or_default();
        if choice & 1 == 1 {
            text.push_str("   \n");
        }
        if choice & 2 == 2 && !body.starts_with(['}', ']', ')']) {
            text.push_str(&format!("{:>width$}# {choice}\n", ""));
        }
        text.push_str(&" ".repeat(width * 2));
        text.push_str(body);
        if choice & 4 == 4 && !body.is_empty() && !body.ends_with('\\') {
            text.push_str("   # end");
        }
        text.push('\n');
    }
    text
}

proptest! {
    #[test]
    fn reformatted_program_is_a_copy(choices in proptest::collection::vec(any::<u8>(), 1..200)) {
        for source in [ORIGINAL, UNRELATED, RENAMED] {
            prop_assert_eq!(digest(source), digest(&reformatted(source, &choices)));
        }
    }

    #[test]
    fn any_bytes_have_a_digest(source in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(program_sha256(&source).is_ok());
    }
}
