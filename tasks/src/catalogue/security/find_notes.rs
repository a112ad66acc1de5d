//! SQL injection (CWE-89): values must be parameters, and column names must be checked against a list.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "find_notes", "Repair: SQL injection")
        .asks_to_repair(
            "Repair the function find_notes(notes, owner: str, word: str, order: str) -> list[int] \
             below, which puts notes, each a list [id, owner, text], into a database and returns \
             the ids of those that have exactly this owner and whose text contains the word, \
             sorted by the column order and then by id. owner, word and order are chosen by a \
             stranger. Whatever owner and word are, quotes included, they are nothing but text to \
             compare with; the empty word is in every text. ValueError must be raised if order is \
             neither 'id' nor 'text'. Texts are compared by code points, upper and lower case \
             differ, and no text contains NUL.",
            VULNERABLE,
        )
        .solved_by(
            r#"
import sqlite3


def find_notes(notes, owner: str, word: str, order: str) -> list[int]:
    if order not in ("id", "text"):
        raise ValueError("no such order")
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE notes (id INTEGER, owner TEXT, text TEXT)")
    db.executemany("INSERT INTO notes VALUES (?, ?, ?)", notes)
    query = f"SELECT id FROM notes WHERE owner = ? AND instr(text, ?) > 0 ORDER BY {order}, id"
    return [row[0] for row in db.execute(query, (owner, word))]
"#,
        )
        .mutant("takes_any_order", r#"order not in ("id", "text")"#, "not order")
        .mutant("percent_is_a_pattern", "instr(text, ?) > 0", "text LIKE '%' || ? || '%'")
        .mutant(
            "forgets_one_value",
            r#"instr(text, ?) > 0 ORDER BY {order}, id"
    return [row[0] for row in db.execute(query, (owner, word))]"#,
            r#"instr(text, '{word}') > 0 ORDER BY {order}, id"
    return [row[0] for row in db.execute(query, (owner,))]"#,
        )
        .mutant(
            "drops_quotes",
            "(owner, word))]",
            r#"(owner.replace("'", ""), word.replace("'", "")))]"#,
        )
        .mutant(
            "refuses_quotes",
            "    db = sqlite3",
            "    if \"'\" in owner + word:\n        raise ValueError\n    db = sqlite3",
        )
        .example(
            (vec![note(1, "ann", "to do"), note(2, "bob", "to go")], "ann", "to", "id"),
            vec![1],
        )
        .example((vec![note(1, "ann", "a")], "' OR '1'='1", "", "id"), Vec::<i64>::new())
        .example((vec![note(1, "ann", "a")], "ann", "", "id DESC"), Check::raises("ValueError"))
        .case(
            "a_quote_in_a_name",
            (vec![note(7, "O'Neill", "it's")], "O'Neill", "t's", "text"),
            vec![7],
        )
        .case(
            "a_pattern_is_text",
            (vec![note(1, "a", "50 %"), note(2, "a", "505")], "a", "0 %", "id"),
            vec![1],
        )
        .generated_each(
            ATTACKS,
            |attack| attacked(*attack),
            |(notes, owner, word, order)| found(notes, owner, word, order),
        )
        .generated(1, hits, |(notes, owner, word, order)| found(notes, owner, word, order))
        .generated(1, queries, |(notes, owner, word, order)| found(notes, owner, word, order))
        .groups(36)
}

const VULNERABLE: &str = r#"
import sqlite3


def find_notes(notes, owner: str, word: str, order: str) -> list[int]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE notes (id INTEGER, owner TEXT, text TEXT)")
    db.executemany("INSERT INTO notes VALUES (?, ?, ?)", notes)
    query = (
        f"SELECT id FROM notes WHERE owner = '{owner}' AND text LIKE '%{word}%' "
        f"ORDER BY {order}, id"
    )
    return [row[0] for row in db.execute(query)]
"#;

#[derive(Clone, Debug)]
struct Note {
    id: i64,
    owner: String,
    text: String,
}

impl From<Note> for Value {
    fn from(note: Note) -> Self {
        vec![Self::from(note.id), note.owner.into(), note.text.into()].into()
    }
}

fn note(id: i64, owner: &str, text: &str) -> Note {
    Note { id, owner: owner.to_owned(), text: text.to_owned() }
}

type NoteQuery = (Vec<Note>, String, String, String);

fn notes() -> impl Strategy<Value = Vec<Note>> {
    let owner = sample::select(vec!["ann", "Ann", "bob", "O'Neill"]);
    let one = (owner, "[ab'%_é😀]{0,5}");
    collection::vec(one, 6..20).prop_map(|notes| {
        let ids = (0_i64..).map(|n| n * 7 % 31);
        notes.into_iter().zip(ids).map(|((owner, text), id)| note(id, owner, &text)).collect()
    })
}

fn queries() -> impl Strategy<Value = NoteQuery> {
    let owner = sample::select(vec!["ann", "bob", "O'Neill"]).prop_map(String::from);
    let order = sample::select(vec!["id", "text"]).prop_map(String::from);
    (notes(), owner, "[ab'%_]?", order)
}

/// Queries that find a note.
fn hits() -> impl Strategy<Value = NoteQuery> {
    let order = sample::select(vec!["id", "text"]).prop_map(String::from);
    (notes(), any::<sample::Index>(), order).prop_map(|(notes, at, order)| {
        let Note { owner, text, .. } = &notes[at.index(notes.len())];
        let word = text.chars().take(1).collect();
        (notes.clone(), owner.clone(), word, order)
    })
}

/// Where an attack goes.
#[derive(Clone, Copy)]
enum Injection {
    Owner(&'static str),
    Word(&'static str),
    Order(&'static str),
}

const ATTACKS: &[Injection] = &[
    Injection::Owner("' OR '1'='1"),
    Injection::Word("' OR '1'='1"),
    Injection::Order("id DESC"),
    Injection::Owner("x' OR 1=1 --"),
    Injection::Word("x' OR 1=1 --"),
    Injection::Order("1"),
    Injection::Owner("' UNION SELECT id FROM notes --"),
    Injection::Word("' UNION SELECT id FROM notes --"),
    Injection::Order("text, id"),
    Injection::Owner("') OR ('a'='a"),
    Injection::Word("') OR ('a'='a"),
    Injection::Order("ID"),
    Injection::Word("%' OR '%'='"),
    Injection::Order("owner"),
    Injection::Owner("\\' OR 1=1 --"),
    Injection::Word("\\' OR 1=1 --"),
    Injection::Order(""),
    Injection::Order("id; DROP TABLE notes"),
    Injection::Order("(CASE WHEN owner='bob' THEN id ELSE -id END)"),
];

fn attacked(attack: Injection) -> impl Strategy<Value = NoteQuery> {
    notes().prop_map(move |notes| {
        let (owner, word, order) = match attack {
            Injection::Owner(owner) => (owner, "", "id"),
            Injection::Word(word) => ("ann", word, "id"),
            Injection::Order(order) => ("ann", "a", order),
        };
        (notes, owner.to_owned(), word.to_owned(), order.to_owned())
    })
}

fn found(notes: &[Note], owner: &str, word: &str, order: &str) -> Check {
    let mut found: Vec<&Note> =
        notes.iter().filter(|note| note.owner == owner && note.text.contains(word)).collect();
    match order {
        "id" => found.sort_by_key(|note| note.id),
        "text" => found.sort_by(|a, b| (&a.text, a.id).cmp(&(&b.text, b.id))),
        _ => return Check::raises("ValueError"),
    }
    found.iter().map(|note| note.id).collect::<Vec<_>>().into()
}
