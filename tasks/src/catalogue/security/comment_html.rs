//! Cross-site scripting (CWE-79). The page is parsed as a browser would, so any correct escaping is accepted.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "comment_html", "Repair: HTML escaping")
        .asks_to_repair(
            "Repair the function comment_html(author: str, link: str, text: str) -> str below; all \
             of its arguments are chosen by a stranger. It must return exactly <p><a \
             href=\"LINK\">AUTHOR</a>: TEXT</p> where AUTHOR and TEXT stand for author and text, \
             and LINK for link if it begins with http:// or https:// in any case, else for '#'. In \
             all three each of the characters & < > \" ' must be written as a character reference \
             (&amp; &lt; &gt; &quot; &apos; or a numeric one such as &#39; or &#x27;), and every \
             other character as itself, so that a browser shows just what was given.",
            VULNERABLE,
        )
        .solved_by(
            r##"
import html


def comment_html(author: str, link: str, text: str) -> str:
    if not link.lower().startswith(("http://", "https://")):
        link = "#"
    author, link, text = map(html.escape, (author, link, text))
    return f'<p><a href="{link}">{author}</a>: {text}</p>'
"##,
        )
        .mutant(
            "quotes_stay",
            "map(html.escape, (author, link, text))",
            "(html.escape(t, quote=False) for t in (author, link, text))",
        )
        .mutant("any_link", r#"not link.lower().startswith(("http://", "https://"))"#, "not link")
        .mutant("http_is_enough", r#"("http://", "https://")"#, r#""http""#)
        .mutant(
            "escapes_its_own_references",
            "map(html.escape, (author, link, text))",
            r#"(html.escape(t).replace("&", "&amp;") for t in (author, link, text))"#,
        )
        .mutant("escapes_twice", "{text}</p>", "{html.escape(text)}</p>")
        .mutant(
            "strips_tags",
            "(author, link, text))",
            r#"(author, link, __import__("re").sub("<[^>]*>", "", text)))"#,
        )
        .mutant("case_of_the_scheme", "link.lower()", "link")
        .example(("Ann", "https://a.example", "hi"), comment("Ann", "https://a.example", "hi"))
        .example(
            ("Ann", "javascript:alert(1)", "<b>"),
            comment("Ann", "javascript:alert(1)", "<b>"),
        )
        .case("empty", ("", "", ""), comment("", "", ""))
        .case(
            "already_escaped",
            ("&amp;", "http://a/?x=1&amp;y", "&lt;b&gt;"),
            comment("&amp;", "http://a/?x=1&amp;y", "&lt;b&gt;"),
        )
        .case("upper_case", ("a", "HTTP://A", "b"), comment("a", "HTTP://A", "b"))
        .generated(
            1,
            || (texts(8), "https?://[a-z&='\"<>]{3,12}", texts(20)),
            |(author, link, text)| comment(author, link, text),
        )
        .generated_each(
            PAYLOADS,
            |payload| attack(payload),
            |(author, link, text)| comment(author, link, text),
        )
        .generated_each(
            SCHEMES,
            |scheme| linked(scheme),
            |(author, link, text)| comment(author, link, text),
        )
        .groups(33)
}

const VULNERABLE: &str = r##"
import html


def comment_html(author: str, link: str, text: str) -> str:
    text = text.replace("<script>", "").replace("</script>", "")
    if link.startswith("javascript:"):
        link = "#"
    return f'<p><a href="{link}">{html.escape(author)}</a>: {text}</p>'
"##;

/// Attack texts, inserted into all three arguments.
const PAYLOADS: &[&str] = &[
    "<script>alert(1)</script>",
    "<scr<script>ipt>x</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg/onload=alert(1)>",
    "' onclick='x",
    "&lt;i&gt;",
    "</p><p>",
    "&#60;",
    "<!--",
    "&",
];

/// Prefixes of links; the first two are allowed.
const SCHEMES: &[&str] = &[
    "http://",
    "HTTPs://",
    "javascript:alert(1)//http://",
    "JavaScript:",
    " javascript:",
    "data:text/html,<b>",
    "//",
    "http:",
    "httpx://",
    "\nhttps://",
    "",
];

fn attack(payload: &'static str) -> impl Strategy<Value = (String, String, String)> {
    let texts = || "[a-z<>&'\"]{1,5}".prop_map(move |text| text + payload);
    let link = "https?://[a-z]{1,5}/".prop_map(move |start| start + payload);
    (texts(), link, texts())
}

fn linked(scheme: &'static str) -> impl Strategy<Value = (String, String, String)> {
    let link = "[a-z]{2,5}\\.example/\\?a=1&b='2'".prop_map(move |host| scheme.to_owned() + &host);
    (texts(5), link, texts(12))
}

fn comment(author: &str, link: &str, text: &str) -> Check {
    let scheme = |scheme: &str| {
        link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let link = if scheme("http://") || scheme("https://") { link } else { "#" };
    let shown = [link, author, text].map(String::from);
    let name =
        format!("the form with LINK, AUTHOR and TEXT escaped from {}", Value::from(shown.clone()));
    Check::holds(name, move |value| match value {
        Value::Str(html) => parts(html).is_some_and(|parts| parts == shown),
        _ => false,
    })
}

/// Returns the link, author and text as a browser decodes them.
fn parts(html: &str) -> Option<[String; 3]> {
    let rest = html.strip_prefix("<p><a href=\"")?.strip_suffix("</p>")?;
    let (link, rest) = rest.split_once("\">")?;
    let (author, text) = rest.split_once("</a>: ")?;
    Some([shown(link)?, shown(author)?, shown(text)?])
}

/// Decodes escaped text; `None` if a character that must be escaped is not, or another one is.
fn shown(escaped: &str) -> Option<String> {
    let mut pieces = escaped.split('&');
    let mut text = pieces.next()?.to_owned();
    for piece in pieces {
        let (reference, after) = piece.split_once(';')?;
        text.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => numeric(reference)?,
        });
        text.push_str(after);
    }
    let raw = escaped.contains(['<', '>', '"', '\'']);
    (!raw).then_some(text)
}

/// The character of a numeric reference such as `#39` or `#x27`, if it is one that must be escaped.
fn numeric(reference: &str) -> Option<char> {
    let number = reference.strip_prefix('#')?;
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    // `from_str_radix` alone would take a sign.
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?;
    char::from_u32(code).filter(|c| "&<>\"'".contains(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_references_as_a_browser_does() {
        for (escaped, text) in [
            ("a&amp;&lt;&gt;&quot;&apos;", Some("a&<>\"'")),
            ("&#39;&#x22;&#X3c;&#0062;", Some("'\"<>")),
            ("&#+39;", None),
            ("&#x+27;", None),
            ("&#-39;", None),
            ("&#;", None),
            ("&#x;", None),
            ("&#97;", None),
            ("&#x61;", None),
            ("&#99999999999;", None),
            ("&nbsp;", None),
            ("&amp", None),
            ("'", None),
        ] {
            assert_eq!(shown(escaped).as_deref(), text, "{escaped}");
        }
    }
}
