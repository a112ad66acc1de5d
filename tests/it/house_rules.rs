//! Rules of the house that no other tool checks: files of a crate do not import from each other in a circle,
//! a type name is defined once in the workspace, and prose uses the words of the glossary.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use syn::visit::{self, Visit};
use syn::{Item, UseTree};

/// The crates of the workspace, by directory. The root package is the first.
const CRATES: [&str; 8] =
    ["", "tasks", "platform", "harness", "cluster", "miner", "xtask", "xtask/bench"];

/// Returns the root of the workspace.
fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Returns all files below `directory` with one of these extensions, sorted. Missing directories are empty.
fn files_below(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry.expect("a directory entry is readable").path();
            let name =
                path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "fuzz" {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|ext| extensions.iter().any(|known| ext == *known))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn parse(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).expect("a source file is UTF-8");
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns whether an item is compiled for tests only.
fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The modules of one crate's `src`, by path, and what each imports.
#[derive(Default)]
struct CrateGraph {
    /// For each module path (`["round", "pool"]`), its parsed file.
    modules: BTreeMap<Vec<String>, syn::File>,
    /// For each module, the names that it re-exports and the full path behind each.
    exports: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
}

impl CrateGraph {
    fn read(source: &Path) -> Self {
        let mut graph = Self::default();
        for path in files_below(source, &["rs"]) {
            let relative = path.strip_prefix(source).expect("it is below").with_extension("");
            let mut module: Vec<String> =
                relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if matches!(module.last().map(String::as_str), Some("lib" | "main" | "mod")) {
                module.pop();
            }
            // A crate with a library and a binary has two roots; the library's is the one that others import.
            graph.modules.entry(module).or_insert_with(|| parse(&path));
        }
        let mut exports = BTreeMap::new();
        for (module, file) in &graph.modules {
            let mut names = BTreeMap::new();
            for item in &file.items {
                if let Item::Use(item) = item
                    && !matches!(item.vis, syn::Visibility::Inherited)
                {
                    for (path, alias) in flatten(&item.tree) {
                        if let Some(full) = graph.absolute(module, &path) {
                            names.insert(alias, full);
                        }
                    }
                }
            }
            exports.insert(module.clone(), names);
        }
        graph.exports = exports;
        graph
    }

    /// Returns the path from the crate's root that `path`, written in `module`, means; `None` if it leaves the crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut full = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            name => {
                let mut child = module.to_vec();
                child.push(name.to_owned());
                self.modules.contains_key(&child).then_some(child)?
            }
        };
        for part in rest {
            if part == "super" {
                full.pop()?;
            } else {
                full.push(part.clone());
            }
        }
        Some(full)
    }

    /// Returns the module whose file defines what `path` names, following re-exports.
    fn defining_module(&self, path: &[String]) -> Option<Vec<String>> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let length = (0..=path.len())
                .rev()
                .find(|length| self.modules.contains_key(&path[..*length]))?;
            let (module, rest) = path.split_at(length);
            let exported = rest.first().and_then(|name| self.exports.get(module)?.get(name));
            match exported {
                Some(target) => {
                    path = target.iter().chain(&rest[1..]).cloned().collect();
                }
                None => return Some(module.to_vec()),
            }
        }
        None
    }

    /// Returns for each module the modules that its file imports from.
    fn imports(&self) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
        let mut imports = BTreeMap::new();
        for (module, file) in &self.modules {
            let mut paths = PathCollector::default();
            file.items.iter().for_each(|item| paths.visit_item(item));
            let targets = paths.found.iter().filter_map(|path| {
                let full = self.absolute(module, path)?;
                self.defining_module(&full).filter(|target| target != module)
            });
            imports.insert(module.clone(), targets.collect());
        }
        imports
    }
}

/// Collects every path that code outside of tests names, except re-exports.
#[derive(Default)]
struct PathCollector {
    found: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for PathCollector {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // Inline modules would need relative paths of their own; the project has none but tests.
        if !is_test_only(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if matches!(item.vis, syn::Visibility::Inherited) && !is_test_only(&item.attrs) {
            self.found.extend(flatten(&item.tree).into_iter().map(|(path, _)| path));
        }
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {
        // `pub(in PATH)` imports nothing.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            self.found.push(path.segments.iter().map(|part| part.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }
}

/// Returns each imported path of a `use` tree with the name that it gets.
fn flatten(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Path(path) => flatten(&path.tree)
            .into_iter()
            .map(|(mut rest, alias)| {
                rest.insert(0, path.ident.to_string());
                let alias = if alias == "self" { path.ident.to_string() } else { alias };
                (
                    rest.into_iter()
                        .filter(|part| part != "self" || path.ident == "self")
                        .collect(),
                    alias,
                )
            })
            .collect(),
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(name) => vec![(vec![name.ident.to_string()], name.rename.to_string())],
        UseTree::Glob(_) => vec![(Vec::new(), "*".to_owned())],
        UseTree::Group(group) => group.items.iter().flat_map(flatten).collect(),
    }
}

/// Returns one module of each circle with the way back to itself.
fn circles(imports: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<String> {
    fn reaches(
        imports: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
        from: &Vec<String>,
        goal: &Vec<String>,
        seen: &mut BTreeSet<Vec<String>>,
    ) -> Option<Vec<String>> {
        for next in imports.get(from)? {
            if next == goal {
                return Some(vec![shown(from)]);
            }
            if seen.insert(next.clone())
                && let Some(mut way) = reaches(imports, next, goal, seen)
            {
                way.insert(0, shown(from));
                return Some(way);
            }
        }
        None
    }
    let mut found = Vec::new();
    let mut reported = BTreeSet::new();
    for module in imports.keys() {
        if let Some(mut way) = reaches(imports, module, module, &mut BTreeSet::new())
            && reported.insert(way.iter().cloned().collect::<BTreeSet<_>>())
        {
            way.push(shown(module));
            found.push(way.join(" -> "));
        }
    }
    found
}

fn shown(module: &[String]) -> String {
    if module.is_empty() { "crate".to_owned() } else { module.join("::") }
}

#[test]
fn files_of_a_crate_do_not_import_in_circles() {
    let mut found = Vec::new();
    for name in CRATES {
        let graph = CrateGraph::read(&root().join(name).join("src"));
        let imports = graph.imports();
        found.extend(circles(&imports).into_iter().map(|circle| format!("{name}: {circle}")));
    }
    assert!(found.is_empty(), "import circles:\n{}", found.join("\n"));
}

/// The validator links no web framework, no parser of the server side, and nothing of a command line.
#[test]
fn harness_links_neither_server_nor_command_line() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "harness", "--edges", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("cargo prints UTF-8");
    let names: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("platform"), "{tree}");
    for unwanted in
        ["axum", "maud", "utoipa", "ruff_python_parser", "clap", "indicatif", "anstream"]
    {
        assert!(!names.contains(unwanted), "harness links {unwanted}");
    }
}

/// Collects the names of the types that a file defines, at any depth.
#[derive(Default)]
struct TypeCollector {
    found: Vec<(String, usize)>,
}

impl TypeCollector {
    fn add(&mut self, name: &syn::Ident) {
        self.found.push((name.to_string(), name.span().start().line));
    }
}

impl<'ast> Visit<'ast> for TypeCollector {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident);
    }
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident);
    }
    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(&item.ident);
        visit::visit_item_trait(self, item);
    }
    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(&item.ident);
    }
}

#[test]
fn a_type_name_is_defined_once() {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    let root = root();
    for name in CRATES {
        for part in ["src", "tests", "benches", "examples"] {
            for path in files_below(&root.join(name).join(part), &["rs"]) {
                let mut types = TypeCollector::default();
                types.visit_file(&parse(&path));
                let shown = path.strip_prefix(&root).expect("it is below").display().to_string();
                for (name, line) in types.found {
                    places.entry(name).or_default().push(format!("{shown}:{line}"));
                }
            }
        }
    }
    let repeated: Vec<_> = places
        .iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(name, places)| format!("{name}: {}", places.join(", ")))
        .collect();
    assert!(repeated.is_empty(), "type names defined more than once:\n{}", repeated.join("\n"));
}

/// Words and phrases that plain technical English says otherwise, with what to write instead.
const WORDS: [(&str, &str); 12] = [
    (r"\b(told|tells?)\b", "reported, printed, shown, says"),
    (r"\b(nobody|whoever)\b", "no one, or the role that is meant"),
    (r"\b(is|are|was|were) no ([a-z]+)", "is not a"),
    (r"\bmend(s|ed|ing)?\b", "fix, repair"),
    (r"\bbeside\b", "next to, alongside"),
    (r"\b(what came of|(comes?|came) to nothing|what .{1,30} came to)\b", "the result of"),
    (r"\b(is|are|was) wanted\b", "is expected"),
    (r"\bsays whether\b", "returns whether"),
    (r"\bfolders?\b", "directory"),
    (r"\bhow many-th\b", "index"),
    (r"\bstumbled\b", "failed"),
    (r"\b(has|have) (its|their) (say|way)\b", "the plain fact"),
];

/// Words that make "is no X" plain English.
const PLAIN_AFTER_NO: [&str; 5] = ["longer", "more", "less", "such", "other"];

/// Finds words of the list in prose.
struct WordList(Vec<(Regex, &'static str)>);

impl WordList {
    fn new() -> Self {
        let compile = |(pattern, instead): (&str, &'static str)| {
            (Regex::new(&format!("(?i){pattern}")).expect("the pattern is valid"), instead)
        };
        Self(WORDS.into_iter().map(compile).collect())
    }

    /// Returns what is wrong with a line, if anything.
    fn complaint(&self, line: &str) -> Option<String> {
        self.0.iter().find_map(|(pattern, instead)| {
            let found = pattern.captures_iter(line).find(|found| {
                // "There is no X" and "is no longer" are plain English; "X is no Y" is not.
                let start = found.get(0).expect("a match has a range").start();
                let after_there = line[..start].to_lowercase().trim_end().ends_with("there");
                let plain = |word: regex::Match<'_>| PLAIN_AFTER_NO.contains(&word.as_str());
                !found.get(2).is_some_and(|word| after_there || plain(word))
            })?;
            Some(format!("'{}': write {instead}", found[0].trim()))
        })
    }
}

#[test]
fn prose_uses_the_words_of_the_glossary() {
    let root = root();
    let (words, mut found) = (WordList::new(), Vec::new());
    for path in files_below(&root, &["rs", "md", "py", "yml", "yaml", "toml", "sh", "html", "js"]) {
        let shown = path.strip_prefix(&root).expect("it is below").display().to_string();
        // This file lists the words; the catalogue's prompts are what agents are asked.
        if shown.ends_with("house_rules.rs") || shown.starts_with("tasks/src/catalogue") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file is UTF-8");
        for (number, line) in text.lines().enumerate() {
            if let Some(complaint) = words.complaint(line) {
                found.push(format!("{shown}:{}: {complaint}", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{} lines:\n{}", found.len(), found.join("\n"));
}
