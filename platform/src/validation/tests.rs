//! The hard cases of validation, as data: accepted sources, and violations with their positions.

use super::*;
use crate::api::MAX_SOURCE_BYTES;

/// Checks that the violations are these, each written `line:column part-of-the-reason`.
fn check(source: impl AsRef<[u8]>, expected: &[&str]) {
    let source = source.as_ref();
    let shown = String::from_utf8_lossy(&source[..source.len().min(200)]).into_owned();
    let found = validate(source).err().unwrap_or_default();
    assert_eq!(found.len(), expected.len(), "{shown:?}: {found:#?}");
    for (violation, expected) in found.iter().zip(expected) {
        let (place, part) = expected.split_once(' ').unwrap();
        assert_eq!(
            format!("{}:{}", violation.line, violation.column),
            place,
            "{shown:?}: {violation}"
        );
        assert!(violation.reason.contains(part), "{shown:?}: {violation}");
    }
}

#[test]
fn bytes() {
    check("print('ok')\n", &[]);
    check("print('ok')\r\nprint('Windows')\r\n", &[]);
    check("print('no newline at the end')", &[]);
    check("", &["1:1 empty"]);
    check(" \n\n", &["1:1 empty"]);
    let largest = "x = 1\n".to_owned() + &"#".repeat(MAX_SOURCE_BYTES - 6);
    check(&largest, &[]);
    check(largest + "#", &["1:1 262145 bytes"]);
    check(b"\xef\xbb\xbfprint(1)", &["1:1 byte order mark"]);
    check("x = 1\n\u{feff}y = 2\n", &["2:1 Python 3.11"]);
    check(b"x = 1\ny = '\xe4'\n", &["2:6 0xe4 is not UTF-8"]);
    check(b"caf\xc3\xa9 = '\xff'\n", &["1:9 0xff is not UTF-8"]);
    check("x = '\0'\n", &["1:6 NUL"]);
    check("# \0\n", &["1:3 NUL"]);
    check("x = 1\r# y = 2\n", &["1:6 carriage return"]);
    check("x = 'a\rb'", &["1:7 carriage return"]);
    check("x = 1\r", &["1:6 carriage return"]);
}

#[test]
fn coding_cookies() {
    for (cookie, expected) in [
        ("# -*- coding: utf-8 -*-\n", &[][..]),
        ("#!/usr/bin/python3\n# vim: set fileencoding=UTF_8 :\n", &[]),
        ("# coding: utf8\n", &[]),
        ("# coding=utf-8-unix\n", &[]),
        ("# coding: latin-1\n", &["1:11 'latin-1'"]),
        ("#!/usr/bin/python3\n  # coding=cp1252 \n", &["2:12 'cp1252'"]),
        ("\n#coding:rot13\n", &["2:9 'rot13'"]),
        ("# xcoding: x, coding: utf-7\n", &["1:12 'x'"]),
        ("# coding : latin-1\n", &[]),
        ("x = 1\n# coding: latin-1\n", &[]),
        ("#\n#\n# coding: latin-1\n", &[]),
        ("'# coding: latin-1'\n", &[]),
    ] {
        check(format!("{cookie}x = 1\n"), expected);
    }
    // Every alias in Lib/encodings/aliases.py, some in spellings that Python normalizes.
    for name in ["u8", "U8", "utf", "UTF", "utf8-ucs2", "utf8_ucs4", "cp65001", "utf-8-sig"] {
        check(format!("# coding: {name}\nx = 'é'\n"), &[]);
    }
    for name in [
        "ascii",
        "ASCII",
        "us-ascii",
        "US_ASCII",
        "us",
        "646",
        "ansi_x3.4-1968",
        "ANSI-X3-4-1968",
        "ansi_x3.4_1986",
        "cp367",
        "csASCII",
        "ibm367",
        "iso646-us",
        "iso_646.irv_1991",
        "ISO-IR-6",
    ] {
        check(format!("# coding: {name}\nx = 'e'\n"), &[]);
        check(format!("# coding: {name}\nx = 'é'\n"), &[&format!("1:11 '{name}'")]);
    }
    for name in ["u", "utf-16", "utf-7", "asci", "usascii", "u_8", "646.1"] {
        check(format!("# coding: {name}\nx = 1\n"), &[&format!("1:11 '{name}'")]);
    }
}

#[test]
fn refuses_programs_that_do_nothing() {
    for idle in [
        "agent.py",
        "# print(1)\n",
        "'''print(1)'''\n",
        "pass\n",
        "hello\n",
        "1, 2\n",
        "{\"answer\": null, \"x\": [1, true]}\n",
        "'a' + b[0].c\npass\n",
    ] {
        check(idle, &["1:1 does nothing"]);
    }
    for program in [
        "print(1)\n",
        "x = 1\n",
        "def f(): pass\n",
        "class A: pass\n",
        "import this\n",
        "'a'\n[print(x) for x in y]\n",
        "(x := 1)\n",
        "for x in y: pass\n",
        "raise SystemExit\n",
        "'docs'\nif x: pass\n",
        "f'{print(1)}'\n",
    ] {
        check(program, &[]);
    }
}

#[test]
fn names_a_notebook() {
    let cell =
        r#"{"cell_type": "code", "execution_count": null, "outputs": [], "source": ["print(1)"]}"#;
    let notebook = |format| format!(r#"{{"cells": [{cell}], "metadata": {{}}, {format}}}"#);
    check(notebook(r#""nbformat": 4, "nbformat_minor": 5"#), &["1:1 Jupyter notebook"]);
    check(format!("\n{}\n", notebook(r#""nbformat": 4"#)), &["1:1 Jupyter notebook"]);
    check(notebook(r#""version": 4"#), &["1:1 does nothing"]);
}

#[test]
fn accepts_the_syntax_of_python_3_11_only() {
    check("match x:\n    case [1, *rest]: pass\n", &[]);
    check("try: pass\nexcept* ValueError: pass\n", &[]);
    check("async def f():\n    async with a, b: pass\n", &[]);
    check("x = lambda *args, **kwargs: (yield)\n", &[]);
    check("if (n := 3): pass\nprint(f'{n!r:>{n}}')\n", &[]);
    check("print 'x'\n", &["1:7 Python 3.11"]);
    check("def f[T](x: T) -> T: ...\n", &["1:6 Python 3.11"]);
    check("type X = int\n", &["1:1 Python 3.11"]);
    check("x = f'{'a'}'\n", &["1:8 Python 3.11"]);
    check("x = 1\n  y = 2\n", &["2:1 Python 3.11"]);
    check("x = (\n", &["2:1 Python 3.11"]);
    check("x = '\n", &["1:5 Python 3.11"]);
    check("0777\n", &["1:1 Python 3.11", "1:5 Python 3.11"]);
}

#[test]
fn accepts_imports_of_the_standard_library_only() {
    check("import os, sys as system\nfrom os import path\nimport os.path\n", &[]);
    check(
        "from __future__ import annotations\nimport collections.abc, xml.etree.ElementTree as E\n",
        &[],
    );
    check("from concurrent.futures.thread import ThreadPoolExecutor\n", &[]);
    check("import ｏｓ\n", &[]);
    check("x = 'import requests'\n# import numpy\n'''\nimport scipy\n'''\n", &[]);
    check("import requests\n", &["1:8 use urllib.request"]);
    check("import os, requests as r, sys\n", &["1:12 requests is not in the standard library"]);
    check("from numpy.linalg import norm\n", &["1:6 numpy is not in the standard library"]);
    check("import ｎｕｍｐｙ\n", &["1:8 numpy is not"]);
    check("def f():\n    import numpy\n", &["2:12 numpy"]);
    check("if x:\n    pass\nelse:\n    import numpy\n", &["4:12 numpy"]);
    check(
        "try:\n    import numpy\nexcept ImportError:\n    import scipy\n",
        &["2:12 numpy", "4:12 scipy"],
    );
    check("x = 1; import numpy; y = 2\n", &["1:15 numpy"]);
    check("import \\\n    numpy\n", &["2:5 numpy"]);
    check("from numpy import (\n    array,\n    zeros)\n", &["1:6 numpy"]);
    check(
        "class A:\n  def f(self):\n    with x:\n      for y in z:\n        import six\n",
        &["5:16 six"],
    );
    check("match x:\n    case 1:\n        import numpy\n", &["3:16 numpy"]);
    check("from . import helper\n", &["1:1 relative import"]);
    check("from ..numpy import x\n", &["1:1 relative import"]);
    check("import os.pathx\n", &["1:8 os.pathx is not a module"]);
    check("from xml import etree2\n", &[]);
    check("import a1\nimport a2\nimport a3\n", &["1:8 a1", "2:8 a2", "3:8 a3"]);
}

#[test]
fn number_of_violations_is_bounded() {
    let found = validate("import a\n".repeat(1000).as_bytes()).unwrap_err();
    assert_eq!(found.len(), MAX_VIOLATIONS);
}

#[test]
fn nesting() {
    let brackets = |n| format!("x = {}1{}\n", "(".repeat(n), ")".repeat(n));
    check(brackets(200), &[]);
    check(brackets(201), &["1:205 brackets"]);
    let chain = |n| format!("x = 1{}\n", "+1".repeat(n));
    check(chain(1_900), &[]);
    check(chain(5_000), &["1:4004 operators"]);
    let blocks = |n: usize| {
        let line = |depth| format!("{}if x:\n", " ".repeat(depth));
        (0..n).map(line).collect::<String>() + &" ".repeat(n) + "pass\n"
    };
    check(blocks(100), &[]);
    check(blocks(101), &["102:102 indentation"]);
    // Long is not deep: these are flat, and occur in real programs.
    check(format!("x = [{}]\n", "-1 + 2, ".repeat(20_000)), &[]);
    check(format!("x = {{{}}}\n", "1: 2 if y else 3, ".repeat(10_000)), &[]);
    check("x = 1; y = -x\n".repeat(10_000), &[]);
    check(
        format!("{}else: pass\n", "if x: pass\n".to_owned() + &"elif x: pass\n".repeat(10_000)),
        &[],
    );
}
