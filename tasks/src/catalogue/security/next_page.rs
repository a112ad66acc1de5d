//! Open redirect (CWE-601): after the login, redirect only to pages of this site.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "next_page", "Repair: open redirect")
        .asks_to_repair(
            "Repair the function next_page(target: str) -> str below. It says where a browser goes \
             after the login on the site https://shop.example; target is chosen by a stranger. If \
             target begins with 'https://shop.example/', in exactly these characters, take what \
             follows the host, from that '/' on, else take target itself. If what was taken begins \
             with a '/' that is followed by no other '/', and contains no backslash and no \
             character from U+0000 to U+0020 or U+007F, return it; in all other cases return '/'.",
            VULNERABLE,
        )
        .solved_by(
            r#"
import re

_SITE = "https://shop.example"


def next_page(target: str) -> str:
    if target.startswith(_SITE + "/"):
        target = target[len(_SITE):]
    if re.fullmatch(r"/(?!/)[^\x00-\x20\x7f\\]*", target):
        return target
    return "/"
"#,
        )
        .mutant("two_slashes_are_a_path", "/(?!/)", "/")
        .mutant("strips_the_slash_too", "len(_SITE):", "len(_SITE) + 1:")
        .mutant("backslashes_are_harmless", r"\x7f\\]", r"\x7f]")
        .mutant("tabs_are_harmless", r"\x00-\x20", " ")
        .mutant("only_a_beginning", "fullmatch", "match")
        .mutant("returns_the_whole_url", "return target", "return target and _SITE + target")
        .example(("/cart?id=7",), "/cart?id=7")
        .example(("//evil.example/",), "/")
        .example(("https://shop.example/cart",), "/cart")
        .example(("/\\evil.example",), "/")
        .case("root", ("/",), "/")
        .case("empty", ("",), "/")
        .case("a_slash_after_the_host", ("https://shop.example//evil.example",), "/")
        .case("a_longer_host", ("https://shop.example.evil.example/a",), "/")
        .case("a_line_break_at_the_end", ("/cart\n",), "/")
        .generated(
            1,
            || ("(https://shop\\.example)?/[a-zé😀]{1,6}(/[a-z]{2}//?)?(\\?q=https://[a-z])?",),
            |(target,)| judged(target),
        )
        .generated_each(ATTACKS, |around| (attack(*around),), |(target,)| judged(target))
        .generated_each(OBVIOUS, |around| (attack(*around),), |(target,)| judged(target))
        .groups(40)
}

const VULNERABLE: &str = r#"
from urllib.parse import urlparse


def next_page(target: str) -> str:
    parts = urlparse(target)
    if parts.netloc == "" or "shop.example" in target:
        return target.removeprefix("https://shop.example")
    return "/"
"#;

/// What stands before and after a foreign host's name, where the given code goes there.
const ATTACKS: &[(&str, &str)] = &[
    ("///", ""),
    ("/\\", ""),
    ("//", "/shop.example"),
    ("\\\\", ""),
    ("https:", ""),
    ("/\t/", "/shop.example"),
    ("https:///", ""),
    ("javascript:", ""),
    ("http://", "/shop.example"),
    ("https://shop.example@", ""),
    ("https://shop.example.", ""),
    ("HTTPS://", "?shop.example"),
    ("https://shop.example//", ""),
    ("https://shop.example/\\", ""),
    (" //", "/shop.example"),
    ("https://shop.example:99/", ""),
    ("http://shop.example/", ""),
    ("/a", "\\b"),
    ("/a", "\tb"),
    ("/a", "\nb"),
    ("/a", "\x7fb"),
    ("/a", " b"),
];

/// The same, where it goes to '/'.
const OBVIOUS: &[(&str, &str)] = &[
    ("//", ""),
    ("/\t/", ""),
    ("/\n/", ""),
    ("\t//", ""),
    (" //", ""),
    ("http://", ""),
    ("HTTPS://", ""),
];

fn attack((before, after): (&'static str, &'static str)) -> impl Strategy<Value = String> {
    "[a-z]{2,6}\\.example".prop_map(move |host| format!("{before}{host}{after}"))
}

fn judged(target: &str) -> String {
    let site = "https://shop.example";
    let path = target.strip_prefix(site).filter(|path| path.starts_with('/')).unwrap_or(target);
    let odd = path.contains(|c: char| c <= ' ' || c == '\x7f' || c == '\\');
    if path.starts_with('/') && !path.starts_with("//") && !odd {
        path.to_owned()
    } else {
        "/".to_owned()
    }
}
