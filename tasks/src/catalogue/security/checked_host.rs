//! Server-side request forgery (CWE-918): check the host of a URL before fetching it.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "checked_host", "Repair: SSRF filter")
        .asks_to_repair(PROMPT, VULNERABLE)
        .solved_by(
            r#"
import re
from ipaddress import IPv4Address, IPv4Network

_URL = re.compile(r"https?://([^/?#:@]+)(?::[0-9]{1,5})?(?:[/?#].*)?", re.I | re.A | re.S)
_LABEL = "[a-z0-9-]{1,63}"
_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,62}}")
_NUMBER = "(?:0|[1-9][0-9]{0,2})"
_ADDRESS = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{3}}")
_PRIVATE = [
    IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
    )
]


def checked_host(url: str) -> str:
    match = _URL.fullmatch(url)
    if not match or not match[1].isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise ValueError("not an allowed URL")
    host = match[1].lower()
    if _ADDRESS.fullmatch(host):
        address = IPv4Address(host)
        if any(address in block for block in _PRIVATE):
            raise ValueError("a private address")
    elif not _NAME.fullmatch(host) or host.endswith((".localhost", ".local", ".internal")):
        raise ValueError("not an allowed host")
    return host
"#,
        )
        .mutant("half_of_172", "172.16.0.0/12", "172.16.0.0/16")
        .mutant("forgets_carriers", r#""100.64.0.0/10", "#, "")
        .mutant("forgets_link_local", r#""169.254.0.0/16","#, "")
        .mutant("any_white_space", r#" or re.search(r"[\x00-\x20\x7f\\]", url)"#, "")
        .mutant("a_long_s_is_an_s", "re.I | re.A | re.S", "re.I | re.S")
        .mutant("a_kelvin_sign_is_a_k", " or not match[1].isascii()", "")
        .mutant("case_of_names", "match[1].lower()", "match[1]")
        .mutant("internal_names", r#" or host.endswith((".localhost", ".local", ".internal"))"#, "")
        .mutant("believes_user_info", "://([^/?#:@]+)", "://(?:[^/?#@]*@)?([^/?#:@]+)")
        .mutant("octal_numbers", "[a-z][a-z0-9-]{{0,62}}", "[a-z0-9-]{{1,63}}")
        .example(("https://Example.org/a?b",), "example.org")
        .example(("http://127.0.0.1/",), Check::raises("ValueError"))
        .example(("http://8.8.8.8:53",), "8.8.8.8")
        .example(("http://2130706433/",), Check::raises("ValueError"))
        .case("octal", ("http://0177.0.0.1/",), Check::raises("ValueError"))
        .case("user_info", ("http://example.org@10.0.0.1/",), Check::raises("ValueError"))
        .case("v6", ("http://[::ffff:127.0.0.1]/",), Check::raises("ValueError"))
        .case("internal", ("http://db.INTERNAL/",), Check::raises("ValueError"))
        .generated_each(ATTACKS, |template| (filled(template),), |(url,)| judged(url))
        .generated_each(OBVIOUS, |template| (filled(template),), |(url,)| judged(url))
        .generated_each(ALLOWED, |template| (filled(template),), |(url,)| judged(url))
        .generated(2, || (urls(),), |(url,)| judged(url))
        .groups(ATTACKS.len())
}

const PROMPT: &str = "\
Repair the function checked_host(url: str) -> str below, which guards a server that fetches URLs \
for strangers: it returns the host of the URL in lower case, or raises ValueError if the server \
must not fetch it. ValueError must be raised unless all of the following holds. The URL is \
'http://' or 'https://' in any case, a host, possibly ':' and one to five digits, and then \
nothing, or '/', '?' or '#' and anything. There is no '@' before the first '/', '?' or '#' after \
the '//', and nowhere in the URL a backslash, a space or a control character (U+0000 to U+001F, \
U+007F). The host is either an address or a name. An address is four numbers from 0 to 255 in \
decimal digits without leading zeros, joined by dots, and outside of 0.0.0.0/8, 10.0.0.0/8, \
100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16 and 224.0.0.0 to \
255.255.255.255. A name is two or more labels joined by dots, each of 1 to 63 characters a-z (in \
either case), 0-9 and '-'; its last label begins with a letter and is none of localhost, local \
and internal. All other hosts, IPv6 addresses included, are refused.";

const VULNERABLE: &str = r#"
from urllib.parse import urlparse

BLOCKED = ("127.", "10.", "192.168.", "172.16.", "localhost")


def checked_host(url: str) -> str:
    host = urlparse(url).hostname
    if not url.startswith("http") or not host or host.startswith(BLOCKED):
        raise ValueError("not allowed")
    return host
"#;

fn urls() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        3 => "([A-Za-z0-9-]{1,8}\\.){1,3}[A-Za-z][a-z0-9]{1,4}",
        2 => any::<[u8; 4]>().prop_map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")),
    ];
    ("(http|https|HTTP|Https)", host, "(:[0-9]{1,5})?", "(|/|/a/@b:c|\\?q=@|#f|/é😀)")
        .prop_map(|(scheme, host, port, rest)| format!("{scheme}://{host}{port}{rest}"))
}

/// URLs that the given code does not judge rightly. They have a host `{h}`, the private address `{a}`, which is
/// also `10.{bcd}` and the number `{n}`, and two numbers `{cd}`.
const ATTACKS: &[&str] = &[
    "http://{a}@{h}/",
    "http://{n}/",
    "http://0x0a.{bcd}/",
    "http://012.{bcd}/",
    "http://[::ffff:{a}]/",
    "http://{h}/a b",
    "http://{h}/a\tb",
    "http://{h}/?a\\b",
    "http://{h}/#a\n",
    "http://{h}.:80/",
    "http://.{h}/",
    "http://{h}:/",
    "http://{h}:123456/",
    "http://db.{h}.Internal/",
    "http://{h}.LOCAL",
    "http://{h}.localhost/",
    "http://{h}.1a/",
    "http://é.{h}/",
    "http://{h}.\u{212a}e/",
    "http://0.0.{cd}/latest",
    "http://100.64.{cd}/latest",
    "http://100.127.{cd}/latest",
    "http://169.254.{cd}/latest",
    "http://172.17.{cd}/latest",
    "http://172.31.{cd}/latest",
    "http://224.0.{cd}/latest",
    "http://255.255.{cd}/latest",
];

/// URLs that the given code refuses too.
const OBVIOUS: &[&str] = &[
    "http://{h}@{a}/",
    "http://{h}:80@{a}/",
    "http://10.{n}/",
    "http://{a}.:80/",
    "http://{a}\\.{h}/",
    " http://{h}/",
    "ftp://{h}/",
    "//{h}/",
    "http:/{h}/",
    "http:///{h}/",
    "http://localhost/",
    "http\u{17f}://{h}/",
    "http://10.255.{cd}/latest",
    "http://127.1.{cd}/latest",
    "http://192.168.{cd}/latest",
];

/// Addresses next to private ones.
const ALLOWED: &[&str] = &[
    "http://11.0.{cd}/latest",
    "http://100.63.{cd}/latest",
    "http://100.128.{cd}/latest",
    "http://172.15.{cd}/latest",
    "http://172.32.{cd}/latest",
    "http://192.167.{cd}/latest",
    "http://223.255.{cd}/latest",
];

fn filled(template: &'static str) -> impl Strategy<Value = String> {
    let drawn = ("[a-zA-Z0-9]{2,6}\\.[a-z]{2,3}", any::<[u8; 2]>(), 1_u8..8);
    drawn.prop_map(move |(host, [b, c], d)| {
        let number = u32::from_be_bytes([10, b, c, d]).to_string();
        let filled = template.replace("{h}", &host).replace("{n}", &number);
        let filled = filled.replace("{a}", "10.{bcd}").replace("{bcd}", "{b}.{cd}");
        filled.replace("{b}", &b.to_string()).replace("{cd}", &format!("{c}.{d}"))
    })
}

fn judged(url: &str) -> Check {
    host(url).map_or(Check::raises("ValueError"), Check::from)
}

fn host(url: &str) -> Option<String> {
    if url.contains(|c: char| c == '\\' || c <= ' ' || c == '\x7f') {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return None;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    if !(1..=5).contains(&port.len()) || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let fine = if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        is_public(&labels)
    } else {
        is_name(&labels)
    };
    fine.then_some(host)
}

fn is_public(parts: &[&str]) -> bool {
    let number = |part: &&str| part.parse::<u8>().ok().filter(|n| n.to_string() == **part);
    let numbers: Option<Vec<u8>> = parts.iter().map(number).collect();
    match numbers.as_deref() {
        Some([a, b, _, _]) => !matches!(
            (a, b),
            (0 | 10 | 127 | 224.., _) | (100, 64..128) | (169, 254) | (172, 16..32) | (192, 168)
        ),
        _ => false,
    }
}

fn is_name(labels: &[&str]) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label = |label: &&str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    let last = labels.last().copied().unwrap_or("");
    labels.len() >= 2
        && labels.iter().all(label)
        && last.starts_with(|c: char| c.is_ascii_lowercase())
        && !["localhost", "local", "internal"].contains(&last)
}
