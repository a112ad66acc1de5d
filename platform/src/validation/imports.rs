//! Imports may name modules of Python 3.11's standard library, for there is nothing else where an
//! agent runs.
//!
//! The list is Python's own `sys.stdlib_module_names` with the packages' public and private
//! submodules, those of other systems included: a guarded `import winreg` hurts nobody.

use std::collections::HashSet;
use std::sync::LazyLock;

use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::{Finding, MAX_FINDINGS, finding_at};

static STDLIB: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("stdlib-3.11.txt").lines().collect());

/// What to use instead of well-known packages that are not in the standard library.
const INSTEAD: &[(&str, &str)] = &[
    ("requests", "use urllib.request"),
    ("httpx", "use urllib.request"),
    ("aiohttp", "use urllib.request"),
    ("urllib3", "use urllib.request"),
    ("urllib2", "it is urllib.request in Python 3"),
    ("numpy", "use lists, math, array or statistics"),
    ("scipy", "use math or statistics"),
    ("pandas", "use csv, sqlite3 or statistics"),
    ("sympy", "use fractions or decimal"),
    ("sortedcontainers", "use bisect or heapq"),
    ("networkx", "use dicts, heapq or graphlib"),
    ("more_itertools", "use itertools"),
    ("yaml", "use json"),
    ("toml", "use tomllib"),
    ("tomli", "use tomllib"),
    ("ujson", "use json"),
    ("orjson", "use json"),
    ("simplejson", "use json"),
    ("regex", "use re"),
    ("bs4", "use html.parser"),
    ("lxml", "use xml.etree.ElementTree"),
    ("dateutil", "use datetime"),
    ("pytz", "use zoneinfo"),
    ("attr", "use dataclasses"),
    ("attrs", "use dataclasses"),
    ("pydantic", "use dataclasses"),
    ("click", "use argparse"),
    ("typer", "use argparse"),
    ("pytest", "use unittest"),
    ("typing_extensions", "use typing"),
    ("six", "write for Python 3 alone"),
    ("tqdm", "print nothing but the answer"),
    ("openai", "an agent has no network where it runs"),
    ("anthropic", "an agent has no network where it runs"),
    ("StringIO", "it is io.StringIO in Python 3"),
    ("cPickle", "it is pickle in Python 3"),
    ("Queue", "it is queue in Python 3"),
    ("ConfigParser", "it is configparser in Python 3"),
    ("urlparse", "it is urllib.parse in Python 3"),
];

/// A finding for each import that could not work.
pub(super) fn check(text: &str, body: &[Stmt]) -> Vec<Finding> {
    let mut imports = Imports { text, findings: Vec::new() };
    imports.visit_body(body);
    imports.findings
}

struct Imports<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl<'a> Visitor<'a> for Imports<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.check(alias.name.as_str(), alias.start().to_usize());
                }
            }
            Stmt::ImportFrom(import) if import.level > 0 => {
                let reason =
                    "a relative import has nothing to start from: an agent is a single file";
                self.findings.push(finding_at(self.text, import.start().to_usize(), reason));
            }
            Stmt::ImportFrom(import) => {
                if let Some(module) = &import.module {
                    self.check(module.as_str(), module.start().to_usize());
                }
            }
            _ => walk_stmt(self, stmt),
        }
    }

    /// An import is a statement; no expression holds one.
    fn visit_expr(&mut self, _: &'a Expr) {}
}

impl Imports<'_> {
    fn check(&mut self, module: &str, offset: usize) {
        if module.is_empty() || STDLIB.contains(module) {
            return;
        }
        let top = module.split('.').next().unwrap_or(module);
        let reason = if STDLIB.contains(top) {
            format!("{module} is no module of Python 3.11's standard library, though {top} is")
        } else {
            let hint = INSTEAD
                .iter()
                .find(|(name, _)| *name == top)
                .map_or("an agent is a single file with nothing else installed", |(_, hint)| hint);
            format!("{top} is not in the standard library; {hint}")
        };
        self.findings.push(finding_at(self.text, offset, reason));
    }
}
