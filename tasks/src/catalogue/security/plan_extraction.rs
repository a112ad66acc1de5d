//! Zip slip (CWE-22, CWE-73): where the members of an untrusted archive would be written.

use std::collections::BTreeSet;

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "plan_extraction", "Repair: zip slip")
        .asks_to_repair(
            "Repair the function plan_extraction(folder: str, members: list[str]) -> list[str] \
             below, which says where the files of an archive would be written; the names of its \
             members are chosen by a stranger. folder is an absolute POSIX path in normal form \
             other than '/'. In the names a backslash separates just as '/' does. A name whose \
             last character separates is a folder, and gives no path, but is checked like the \
             others. For every other member, in order, the result has folder, '/' and the name's \
             parts joined by '/', without '.' and empty parts. ValueError must be raised, and \
             nothing returned, if any name begins with a separator, contains a part '..', a ':' or \
             a NUL character, or has no part left; or if two files would get the same path.",
            VULNERABLE,
        )
        .solved_by(
            r#"
def plan_extraction(folder: str, members: list[str]) -> list[str]:
    paths = []
    for member in members:
        name = member.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or ":" in name or "\0" in name or not parts:
            raise ValueError(f"{member!r} is refused")
        if not name.endswith("/"):
            paths.append("/".join([folder, *parts]))
    if len(set(paths)) < len(paths):
        raise ValueError("two files for one path")
    return paths
"#,
        )
        .mutant("slashes_only", r#"member.replace("\\", "/")"#, "member")
        .mutant("dots_at_the_start_only", r#"".." in parts"#, r#"name.startswith("..")"#)
        .mutant("dots_in_names", r#"".." in parts"#, r#"".." in name"#)
        .mutant(
            "skips_what_is_bad",
            r#"            raise ValueError(f"{member!r} is refused")"#,
            "            continue",
        )
        .mutant("the_last_one_wins", "len(set(paths)) < len(paths)", "False")
        .mutant(
            "folders_are_not_checked",
            "        name = member.replace(\"\\\\\", \"/\")\n",
            r#"        name = member.replace("\\", "/")
        if name.endswith("/"):
            continue
"#,
        )
        .mutant("drives", r#"":" in name or "#, "")
        .mutant(
            "raw_duplicates",
            "len(set(paths)) < len(paths)",
            "len(set(members)) < len(members)",
        )
        .example(("/out", vec!["a/", "a/b.txt", "./c"]), vec!["/out/a/b.txt", "/out/c"])
        .example(("/out", vec!["ok", "a/../../x"]), Check::raises("ValueError"))
        .case("nothing", ("/out", Vec::<String>::new()), Vec::<String>::new())
        .case("the_same_path", ("/out", vec!["a//b", "a\\b"]), Check::raises("ValueError"))
        .case("a_bad_folder", ("/out", vec!["../x/", "a"]), Check::raises("ValueError"))
        .case("dots_in_a_name", ("/out", vec!["a..b", "..."]), vec!["/out/a..b", "/out/..."])
        .generated(1, || (folders(), members()), |(folder, members)| planned(folder, members))
        .generated_each(
            ATTACKS,
            |attack| attacked(attack),
            |(folder, members)| planned(folder, members),
        )
        .generated_each(
            OBVIOUS,
            |attack| attacked(attack),
            |(folder, members)| planned(folder, members),
        )
        .groups(36)
}

const VULNERABLE: &str = r#"
import os


def plan_extraction(folder: str, members: list[str]) -> list[str]:
    paths = []
    for member in members:
        if member.startswith(("/", "..")):
            raise ValueError(f"{member!r} is refused")
        if not member.endswith("/"):
            paths.append(os.path.join(folder, member))
    return paths
"#;

/// Names that the given code does not refuse.
const ATTACKS: &[&str] = &[
    "a/../../x",
    "a/..",
    "a\\..\\..\\x",
    "\\\\host\\share",
    "C:\\x",
    "C:x",
    "./../x",
    "a/b/../c/",
    "x\0.txt",
    "./",
    "",
    ".",
];

/// Names that it does refuse.
const OBVIOUS: &[&str] = &["../../etc/passwd", "..\\x", "/etc/passwd", "/"];

fn folders() -> impl Strategy<Value = String> {
    "(/[a-z]{1,4}){1,2}"
}

fn members() -> impl Strategy<Value = Vec<String>> {
    let part = "([a-z]{2,4}|[a-z]\\.\\.[a-z]|\\.{3}|😀é)";
    let name =
        (collection::vec(part, 1..4), "(/|/\\./|//|\\\\)").prop_map(|(parts, by)| parts.join(&by));
    (collection::vec((name, "/?"), 1..6), "[a-z]{1,4}").prop_map(|(names, last)| {
        let mut names: Vec<String> = names.into_iter().map(|(name, end)| name + &end).collect();
        names.extend([format!("{last}..{last}"), format!("./{last}\\{last}/")]);
        names
    })
}

fn attacked(attack: &'static str) -> impl Strategy<Value = (String, Vec<String>)> {
    let others = collection::vec("[a-z]{2,4}(/[a-z]{2,4})?".prop_map(String::from), 1..6);
    (folders(), others, any::<sample::Index>()).prop_map(move |(folder, mut members, at)| {
        members.insert(at.index(members.len() + 1), attack.to_owned());
        (folder, members)
    })
}

fn planned(folder: &str, members: &[String]) -> Check {
    let mut paths = Vec::new();
    for member in members {
        let parts: Vec<&str> =
            member.split(['/', '\\']).filter(|part| !["", "."].contains(part)).collect();
        let bad = member.starts_with(['/', '\\'])
            || member.contains([':', '\0'])
            || parts.contains(&"..")
            || parts.is_empty();
        if bad {
            return Check::raises("ValueError");
        }
        if !member.ends_with(['/', '\\']) {
            paths.push(format!("{folder}/{}", parts.join("/")));
        }
    }
    let different: BTreeSet<&String> = paths.iter().collect();
    if different.len() < paths.len() { Check::raises("ValueError") } else { paths.into() }
}
