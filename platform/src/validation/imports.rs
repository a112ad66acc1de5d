//! Imports may name modules of Python 3.11's standard library only: the sandbox has no others.
//!
//! The list is Python's own `sys.stdlib_module_names` with the packages' public and private submodules,
//! including those of other systems: a guarded `import winreg` is harmless.

use std::collections::HashSet;
use std::sync::LazyLock;

use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::position::{MAX_VIOLATIONS, violation_at};
use crate::api::Violation;

static STDLIB: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("stdlib-3.11.txt").lines().collect());

/// What to use instead of well-known packages that are not in the standard library.
const INSTEAD: &[(&str, &str)] = &[
    ("requests", "use urllib.request"),
    ("httpx", "use urllib.request"),
    ("aiohttp", "use urllib.request"),
    ("urllib3", "use urllib.request"),
    ("urllib2", "Python 3 has urllib.request"),
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
    ("six", "write for Python 3 only"),
    ("tqdm", "print only the answer"),
    ("openai", "agents run without a network"),
    ("anthropic", "agents run without a network"),
    ("StringIO", "Python 3 has io.StringIO"),
    ("cPickle", "Python 3 has pickle"),
    ("Queue", "Python 3 has queue"),
    ("ConfigParser", "Python 3 has configparser"),
    ("urlparse", "Python 3 has urllib.parse"),
];

/// Returns a violation for each import that cannot work.
pub(super) fn check(text: &str, body: &[Stmt]) -> Vec<Violation> {
    let mut imports = ImportVisitor { text, violations: Vec::new() };
    imports.visit_body(body);
    imports.violations
}

struct ImportVisitor<'a> {
    text: &'a str,
    violations: Vec<Violation>,
}

impl<'a> Visitor<'a> for ImportVisitor<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if self.violations.len() >= MAX_VIOLATIONS {
            return;
        }
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.check(alias.name.as_str(), alias.start().to_usize());
                }
            }
            Stmt::ImportFrom(import) if import.level > 0 => {
                let reason = "relative imports do not work: an agent is a single file";
                self.violations.push(violation_at(self.text, import.start().to_usize(), reason));
            }
            Stmt::ImportFrom(import) => {
                if let Some(module) = &import.module {
                    self.check(module.as_str(), module.start().to_usize());
                }
            }
            _ => walk_stmt(self, stmt),
        }
    }

    /// An import is a statement; no expression contains one.
    fn visit_expr(&mut self, _: &'a Expr) {}
}

impl ImportVisitor<'_> {
    fn check(&mut self, module: &str, offset: usize) {
        if module.is_empty() || STDLIB.contains(module) {
            return;
        }
        let top = module.split('.').next().unwrap_or(module);
        let reason = if STDLIB.contains(top) {
            format!("{module} is not a module of Python 3.11's standard library, although {top} is")
        } else {
            let hint = INSTEAD
                .iter()
                .find(|(name, _)| *name == top)
                .map_or("an agent is a single file with nothing else installed", |(_, hint)| hint);
            format!("{top} is not in the standard library; {hint}")
        };
        self.violations.push(violation_at(self.text, offset, reason));
    }
}
