//! Path traversal (CWE-22): an untrusted file name must stay inside the upload directory.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "resolve_upload", "Repair: path traversal")
        .asks_to_repair(
            "Repair the function resolve_upload(base: str, name: str) -> str below, which returns \
             the path of an uploaded file; the name is chosen by a stranger. base is an absolute \
             POSIX path in normal form other than '/'. For every name that stays inside base the \
             function must return base, '/' and the name in normal form: without '.', '..', empty \
             parts and a '/' at its end, all taken textually. Where the name leads counts, not its \
             way, so 'a/../b' is 'b'; parts such as '...' or 'a..b' are ordinary names. ValueError \
             must be raised for every name that leads anywhere else or to base itself, that begins \
             with '/', is empty or contains a NUL character.",
            VULNERABLE,
        )
        .solved_by(
            r#"
import posixpath


def resolve_upload(base: str, name: str) -> str:
    path = posixpath.normpath(posixpath.join(base, name))
    if "\0" in name or name.startswith("/") or not path.startswith(base + "/"):
        raise ValueError("no such upload")
    return path
"#,
        )
        .mutant("a_sibling_with_the_same_beginning", r#"base + "/""#, "base")
        .mutant("lets_nul_through", r#""\0" in name or "#, "")
        .mutant("lets_absolute_names_through", r#"name.startswith("/") or "#, "")
        .mutant("refuses_all_dots", r#""\0" in name"#, r#""\0" in name or ".." in name"#)
        .mutant(
            "looks_before_it_normalises",
            "path.startswith(base",
            "posixpath.join(base, name).startswith(base",
        )
        .example(("/srv/up", "a/./b.txt"), "/srv/up/a/b.txt")
        .example(("/srv/up", "../../etc/passwd"), Check::raises("ValueError"))
        .case("itself", ("/srv/up", "a/.."), Check::raises("ValueError"))
        .case("empty", ("/srv/up", ""), Check::raises("ValueError"))
        .case("absolute", ("/srv/up", "/srv/up/a"), Check::raises("ValueError"))
        .case("nul", ("/srv/up", "a\0.txt"), Check::raises("ValueError"))
        .case("sibling", ("/srv/up", "../upper/a"), Check::raises("ValueError"))
        .generated(1, attacks, |(base, name)| resolved(base, name))
        .generated(1, || (bases(), names()), |(base, name)| resolved(base, name))
        .generated(1, || (bases(), inside()), |(base, name)| resolved(base, name))
        .groups(30)
}

const VULNERABLE: &str = r#"
import os


def resolve_upload(base: str, name: str) -> str:
    name = name.replace("../", "")
    return os.path.normpath(os.path.join(base, name))
"#;

fn bases() -> impl Strategy<Value = String> {
    "(/[a-z]{2,5}){1,3}"
}

const ODD_PARTS: &[&str] = &[".", "", "...", "a..b", "..a", "%2e%2e", "..\\"];

fn names() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => "[a-zé😀]{1,4}(\\.txt)?",
        1 => Just("..".to_owned()),
        1 => sample::select(ODD_PARTS).prop_map(String::from),
    ];
    collection::vec(part, 1..7).prop_map(|parts| parts.join("/"))
}

/// Names that stay inside the directory.
fn inside() -> impl Strategy<Value = String> {
    "[a-zé]{1,3}(/\\./[a-c]{1,2}|//[a-c]\\.\\.[a-c]|/[a-z]/\\.\\./\\.\\.\\.|/%2e%2e)?/?"
}

/// Names that lead outside the directory in different ways.
fn attacks() -> impl Strategy<Value = (String, String)> {
    let file = sample::select(vec!["etc/passwd", "x", ".ssh/id_rsa"]);
    (bases(), "[a-z]{1,3}", file, 0_u8..6).prop_map(|(base, folder, file, way)| {
        let name = match way {
            0 => format!("{folder}/../../{file}"),
            1 => format!("....//....//....//....//{folder}/../../../../../../{file}"),
            2 => format!("/{file}"),
            3 => format!("..{}{folder}/{file}", &base[base.rfind('/').unwrap_or(0)..]),
            4 => format!("{folder}/{file}\0.txt"),
            _ => "../".repeat(9) + file,
        };
        (base, name)
    })
}

fn resolved(base: &str, name: &str) -> Check {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    let inside = path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    if inside && !name.starts_with('/') && !name.contains('\0') {
        path.into()
    } else {
        Check::raises("ValueError")
    }
}
