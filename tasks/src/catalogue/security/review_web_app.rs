//! Review a web application: untrusted input reaches SQL, a shell, a path, a page, a redirect or a request.

use crate::prelude::*;

pub fn task() -> Task {
    Task::findings(Family::Security, "review_web_app", "Review of a web application", LISTING)
}

const LISTING: FileListing = FileListing {
    about: "a small web application in Python; every function whose first parameter is `request` is \
            called by the framework, and everything in request.args was chosen by a stranger; respond \
            sends its text as HTML if it begins with '<', else as plain text",
    kinds: &[
        (22, "a file is opened whose name was chosen by a stranger and not confined to a folder"),
        (78, "a stranger's text becomes part of a command line that a shell reads"),
        (79, "a stranger's text is put into HTML without html.escape"),
        (89, "a stranger's text becomes part of the text of an SQL query"),
        (502, "a stranger's bytes are loaded by pickle"),
        (601, "the browser is redirected to a URL that was chosen by a stranger"),
        (918, "the server fetches a URL that was chosen by a stranger, whatever its host"),
    ],
    opening: r#"
import html
import json
import os
import pickle
import sqlite3
import subprocess
import urllib.parse
import urllib.request

from framework import redirect, respond

ROOT = "/srv/app/files"
"#,
    fillers: &[
        r#"
def page(title, body):
    return f"<h1>{title}</h1>{body}"
"#,
        "LIMIT = 50",
        r"
def is_short(text):
    return len(text) < LIMIT
",
        "# Everything below is called by the framework.",
        r"
def total(rows):
    count = 0
    for row in rows:
        count += row[1]
    return count
",
        r#"
def connect():
    return sqlite3.connect("app.db")
"#,
    ],
    parts: &[
        ListingPart {
            cwe: 89,
            weak: &[
                r#"
def find_$a(request, db):
    $b = request.args["$b"]
!   rows = db.execute(f"SELECT * FROM $a WHERE $b = '{$b}'")
    return respond(json.dumps(rows.fetchall()))
"#,
                r#"
def find_$a(request, db):
    $b = request.args["$b"]
!   query = "SELECT * FROM $a WHERE $b = '" + $b + "'"
!   rows = db.execute(query)
    return respond(json.dumps(rows.fetchall()))
"#,
                r#"
def find_$a(request, db):
    $b = request.args["$b"]
    limit = 20
!   query = "SELECT * FROM $a WHERE $b = '%s'" % $b
!   rows = db.execute(query)
    return respond(json.dumps(rows.fetchmany(limit)))
"#,
            ],
            sound: &[
                r#"
def find_$a(request, db):
    $b = request.args["$b"]
    rows = db.execute("SELECT * FROM $a WHERE $b = ?", ($b,))
    return respond(json.dumps(rows.fetchall()))
"#,
                r#"
def find_$a(request, db):
    table = "$a"
    $b = request.args["$b"]
    query = f"SELECT * FROM {table} WHERE $b = ?"
    rows = db.execute(query, [$b])
    return respond(json.dumps(rows.fetchall()))
"#,
            ],
        },
        ListingPart {
            cwe: 78,
            weak: &[
                r#"
def pack_$a(request):
    $b = request.args["$b"]
!   os.system("tar -czf /tmp/$a.tgz /srv/app/$a --label=" + $b)
    return respond("packed")
"#,
                r#"
def pack_$a(request):
    $b = request.args["$b"]
!   subprocess.run(f"tar -czf /tmp/$a.tgz --label={$b} /srv/app/$a", shell=True, check=True)
    return respond("packed")
"#,
                r#"
def pack_$a(request):
    $b = request.args.get("$b", "all")
!   command = "tar -czf /tmp/$a.tgz --label={} /srv/app/$a".format($b)
!   subprocess.check_output(command, shell=True)
    return respond("packed")
"#,
            ],
            sound: &[
                r#"
def pack_$a(request):
    $b = request.args["$b"]
    subprocess.run(["tar", "-czf", "/tmp/$a.tgz", f"--label={$b}", "/srv/app/$a"], check=True)
    return respond("packed")
"#,
                r#"
def pack_$a(request):
    os.system("tar -czf /tmp/$a.tgz /srv/app/$a")
    return respond(request.args["$b"] and "packed")
"#,
            ],
        },
        ListingPart {
            cwe: 22,
            weak: &[
                r#"
def show_$a(request):
    $b = request.args["$b"]
!   with open(ROOT + "/" + $b) as file:
        return respond(html.escape(file.read()))
"#,
                r#"
def show_$a(request):
!   path = os.path.join(ROOT, request.args["$b"])
!   file = open(path, encoding="utf-8")
    return respond(html.escape(file.read()))
"#,
            ],
            sound: &[
                r#"
def show_$a(request):
    $b = os.path.basename(request.args["$b"])
    if $b in os.listdir(ROOT):
        with open(os.path.join(ROOT, $b)) as file:
            return respond(html.escape(file.read()))
    return respond("no such file")
"#,
                r#"
def show_$a(request):
    path = os.path.realpath(os.path.join(ROOT, request.args["$b"]))
    if os.path.commonpath([ROOT, path]) != ROOT:
        return respond("no such file")
    with open(path) as file:
        return respond(html.escape(file.read()))
"#,
            ],
        },
        ListingPart {
            cwe: 79,
            weak: &[
                r#"
def greet_$a(request):
    $b = request.args["$b"]
!   return respond("<p>Welcome, " + $b + "!</p>")
"#,
                r#"
def greet_$a(request):
    $b = request.args["$b"].strip()
!   body = f"<p class='$a'>{$b}</p>"
!   return respond(body)
"#,
            ],
            sound: &[
                r#"
def greet_$a(request):
    $b = request.args["$b"]
    return respond("<p>Welcome, " + html.escape($b) + "!</p>")
"#,
                r#"
def greet_$a(request):
    $b = html.escape(request.args["$b"].strip())
    body = f"<p class='$a'>{$b}</p>"
    return respond(body)
"#,
            ],
        },
        ListingPart {
            cwe: 601,
            weak: &[
                r#"
def leave_$a(request):
    $c = request.args.get("$c", "/")
!   return redirect($c)
"#,
                r#"
def leave_$a(request):
    if "$c" in request.args:
!       return redirect(request.args["$c"])
    return redirect("/$a")
"#,
            ],
            sound: &[
                r#"
def leave_$a(request):
    $c = request.args.get("$c", "home")
    places = {"home": "/", "$a": "/$a"}
    return redirect(places.get($c, "/"))
"#,
                r#"
def leave_$a(request):
    $c = request.args["$c"]
    return redirect("/$a?$c=" + urllib.parse.quote($c, safe=""))
"#,
            ],
        },
        ListingPart {
            cwe: 918,
            weak: &[
                r#"
def preview_$a(request):
    $c = request.args["$c"]
!   with urllib.request.urlopen($c) as answer:
        return respond(html.escape(answer.read().decode()))
"#,
                r#"
def preview_$a(request):
    $c = request.args["$c"]
    if not $c.startswith("http"):
        return respond("no")
!   answer = urllib.request.urlopen($c, timeout=5)
    return respond(html.escape(answer.read().decode()))
"#,
            ],
            sound: &[
                r#"
def preview_$a(request):
    $c = urllib.parse.quote(request.args["$c"], safe="")
    with urllib.request.urlopen(f"https://$a.example.org/{$c}") as answer:
        return respond(html.escape(answer.read().decode()))
"#,
                r#"
def preview_$a(request):
    pages = {"news": "https://example.org/news", "help": "https://example.org/help"}
    $c = pages[request.args["$c"]]
    answer = urllib.request.urlopen($c, timeout=5)
    return respond(html.escape(answer.read().decode()))
"#,
            ],
        },
        ListingPart {
            cwe: 502,
            weak: &[
                r#"
def restore_$a(request):
    $b = bytes.fromhex(request.args["$b"])
!   state = pickle.loads($b)
    return respond(html.escape(str(state)))
"#,
                r#"
def restore_$a(request):
!   state = pickle.loads(request.args["$b"].encode("latin-1"))
    return respond(json.dumps(state))
"#,
            ],
            sound: &[
                r#"
def restore_$a(request):
    $b = bytes.fromhex(request.args["$b"])
    state = json.loads($b)
    return respond(html.escape(str(state)))
"#,
                r#"
def restore_$a(request):
    with open("/srv/app/$a.state", "rb") as file:
        state = pickle.loads(file.read())
    return respond(html.escape(str(state.get(request.args["$b"]))))
"#,
            ],
        },
    ],
    closing: r#"
if __name__ == "__main__":
    print(f"{len(os.listdir(ROOT))} files")
"#,
    names: [
        &["users", "orders", "notes", "photos", "invoices", "teams", "books"],
        &["name", "label", "ref", "topic", "code", "mark"],
        &["target", "url", "link", "place", "goal"],
    ],
    planted: 3,
};
