//! Command injection (CWE-78). The line is parsed as a shell would, so any correct quoting is accepted.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "backup_command", "Repair: shell quoting")
        .asks_to_repair(
            "Repair the function backup_command(label: str, folder: str) -> str below. It returns \
             a line that a POSIX shell will run; label and folder are chosen by a stranger. Read \
             by the shell, the line must come to exactly the words: tar, -czf, the label followed \
             by .tgz, --, and the folder, for every label and folder, be they empty or full of \
             quotes, spaces, line breaks or $(commands). Any right way of quoting is accepted; \
             characters that are special to a shell must not stand outside of quotes, even where \
             they would do no harm. ValueError must be raised if label or folder contains a NUL \
             character.",
            VULNERABLE,
        )
        .solved_by(
            r#"
import shlex


def backup_command(label: str, folder: str) -> str:
    if "\0" in label + folder:
        raise ValueError("no shell can take NUL")
    return shlex.join(["tar", "-czf", label + ".tgz", "--", folder])
"#,
        )
        .mutant("forgets_two_dashes", r#""--", "#, "")
        .mutant("lets_nul_through", r#""\0" in label + folder"#, "False")
        .mutant(
            "backslashes_in_single_quotes",
            r#"shlex.join(["tar", "-czf", label + ".tgz", "--", folder])"#,
            r#"f"tar -czf {shlex.quote(label)}.tgz -- '" + folder.replace("'", "\\'") + "'""#,
        )
        .mutant(
            "double_quotes",
            r#"shlex.join(["tar", "-czf", label + ".tgz", "--", folder])"#,
            r#"'tar -czf "%s.tgz" -- "%s"' % tuple(t.replace('"', '\\"') for t in (label, folder))"#,
        )
        .mutant(
            "quotes_one_of_two",
            r#"shlex.join(["tar", "-czf", label + ".tgz", "--", folder])"#,
            r#"f"tar -czf {label}.tgz -- {shlex.quote(folder)}""#,
        )
        .mutant(
            "drops_what_is_special",
            r#"label + ".tgz""#,
            r#""".join(c for c in label if c.isalnum()) + ".tgz""#,
        )
        .example(("home", "/home/ann"), words("home", "/home/ann"))
        .example(("x", "a'; rm -rf ~; '"), words("x", "a'; rm -rf ~; '"))
        .case("empty", ("", ""), words("", ""))
        .case("nul", ("a", "b\0c"), Check::raises("ValueError"))
        .case("looks_like_an_option", ("a", "--checkpoint=1"), words("a", "--checkpoint=1"))
        .generated_each(PAYLOADS, |payload| attack(payload), |(label, folder)| words(label, folder))
        .generated(
            1,
            || ("[a-z]{1,5}", "(/[a-zé ]{1,5}){1,3}"),
            |(label, folder)| words(label, folder),
        )
        .groups(26)
}

const VULNERABLE: &str = r#"
def backup_command(label: str, folder: str) -> str:
    return f"tar -czf {label}.tgz -- '{folder}'"
"#;

const PAYLOADS: &[&str] = &[
    "$(id)",
    "`id`",
    "; id",
    "' ; id ; '",
    "\" ; id ; \"",
    "a\nid",
    "| id",
    "&& id",
    "$HOME",
    "\\'; id; \\'",
    "~root",
    "*",
    "'\"'\"'",
];

/// Attacks, used for both arguments.
fn attack(payload: &'static str) -> impl Strategy<Value = (String, String)> {
    let text = || "[a-z'\"\\\\$` ]{1,6}".prop_map(move |more| more + payload);
    (text(), text())
}

fn words(label: &str, folder: &str) -> Check {
    if label.contains('\0') || folder.contains('\0') {
        return Check::raises("ValueError");
    }
    let expected =
        ["tar", "-czf", &format!("{label}.tgz"), "--", folder].map(String::from).to_vec();
    let name = format!("a line that a shell reads as the words {}", Value::from(expected.clone()));
    Check::holds(name, move |value| match value {
        Value::Str(line) => read_by_a_shell(line).as_ref() == Some(&expected),
        _ => false,
    })
}

/// Splits a simple command into words; `None` if it has an unquoted special character.
fn read_by_a_shell(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next().filter(|c| *c != '\n')?),
            c if c.is_ascii_alphanumeric() || "_-./,:+@%=^".contains(c) || !c.is_ascii() => {
                word.get_or_insert_default().push(c);
            }
            _ => return None,
        }
    }
    words.extend(word);
    Some(words)
}

fn double_quoted(chars: &mut std::str::Chars, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '$' | '`' => return None,
            '\\' => match chars.next()? {
                '\n' => {}
                c if "$`\"\\".contains(c) => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}
