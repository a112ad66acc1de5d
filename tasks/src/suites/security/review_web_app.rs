//! Review a web application: what comes from outside ends in SQL, a shell, a path, a page, a redirect or a
//! request.

use crate::prelude::*;

pub fn task() -> Task {
    Task::findings(Family::Security, "review_web_app", "Review of a web application", LISTING)
}

const LISTING: Listing = Listing {
    about: "a small web application in Python; every function whose first parameter is `request` is \
            called by the framework, and everything in request.args was chosen by a stranger",
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
        "def page(title, body):\n    return f\"<h1>{title}</h1>{body}\"",
        "LIMIT = 50",
        "def is_short(text):\n    return len(text) < LIMIT",
        "# Everything below is called by the framework.",
        "def total(rows):\n    count = 0\n    for row in rows:\n        count += row[1]\n    return count",
        "def connect():\n    return sqlite3.connect(\"app.db\")",
    ],
    parts: &[
        Part {
            cwe: 89,
            weak: &[
                "def find_$a(request, db):\n    $b = request.args[\"$b\"]\n!   rows = db.execute(f\"SELECT * FROM $a WHERE $b = '{$b}'\")\n    return respond(json.dumps(rows.fetchall()))",
                "def find_$a(request, db):\n    $b = request.args[\"$b\"]\n!   query = \"SELECT * FROM $a WHERE $b = '\" + $b + \"'\"\n!   rows = db.execute(query)\n    return respond(json.dumps(rows.fetchall()))",
                "def find_$a(request, db):\n    $b = request.args[\"$b\"]\n    limit = 20\n!   query = \"SELECT * FROM $a WHERE $b = '%s'\" % $b\n!   rows = db.execute(query)\n    return respond(json.dumps(rows.fetchmany(limit)))",
            ],
            sound: &[
                "def find_$a(request, db):\n    $b = request.args[\"$b\"]\n    rows = db.execute(\"SELECT * FROM $a WHERE $b = ?\", ($b,))\n    return respond(json.dumps(rows.fetchall()))",
                "def find_$a(request, db):\n    table = \"$a\"\n    $b = request.args[\"$b\"]\n    query = f\"SELECT * FROM {table} WHERE $b = ?\"\n    rows = db.execute(query, [$b])\n    return respond(json.dumps(rows.fetchall()))",
            ],
        },
        Part {
            cwe: 78,
            weak: &[
                "def pack_$a(request):\n    $b = request.args[\"$b\"]\n!   os.system(\"tar -czf /tmp/$a.tgz \" + $b)\n    return respond(\"packed\")",
                "def pack_$a(request):\n    $b = request.args[\"$b\"]\n!   subprocess.run(f\"tar -czf /tmp/$a.tgz {$b}\", shell=True, check=True)\n    return respond(\"packed\")",
                "def pack_$a(request):\n    $b = request.args.get(\"$b\", \"all\")\n!   command = \"tar -czf /tmp/$a.tgz {}\".format($b)\n!   subprocess.check_output(command, shell=True)\n    return respond(\"packed\")",
            ],
            sound: &[
                "def pack_$a(request):\n    $b = request.args[\"$b\"]\n    subprocess.run([\"tar\", \"-czf\", \"/tmp/$a.tgz\", \"--\", $b], check=True)\n    return respond(\"packed\")",
                "def pack_$a(request):\n    os.system(\"tar -czf /tmp/$a.tgz /srv/app/$a\")\n    return respond(request.args[\"$b\"] and \"packed\")",
            ],
        },
        Part {
            cwe: 22,
            weak: &[
                "def show_$a(request):\n    $b = request.args[\"$b\"]\n!   with open(ROOT + \"/\" + $b) as file:\n        return respond(html.escape(file.read()))",
                "def show_$a(request):\n!   path = os.path.join(ROOT, request.args[\"$b\"])\n!   file = open(path, encoding=\"utf-8\")\n    return respond(html.escape(file.read()))",
            ],
            sound: &[
                "def show_$a(request):\n    $b = os.path.basename(request.args[\"$b\"])\n    if $b in os.listdir(ROOT):\n        with open(os.path.join(ROOT, $b)) as file:\n            return respond(html.escape(file.read()))\n    return respond(\"no such file\")",
                "def show_$a(request):\n    path = os.path.realpath(os.path.join(ROOT, request.args[\"$b\"]))\n    if os.path.commonpath([ROOT, path]) != ROOT:\n        return respond(\"no such file\")\n    with open(path) as file:\n        return respond(html.escape(file.read()))",
            ],
        },
        Part {
            cwe: 79,
            weak: &[
                "def greet_$a(request):\n    $b = request.args[\"$b\"]\n!   return respond(\"<p>Welcome, \" + $b + \"!</p>\")",
                "def greet_$a(request):\n    $b = request.args[\"$b\"].strip()\n!   body = f\"<p class='$a'>{$b}</p>\"\n!   return respond(body)",
            ],
            sound: &[
                "def greet_$a(request):\n    $b = request.args[\"$b\"]\n    return respond(\"<p>Welcome, \" + html.escape($b) + \"!</p>\")",
                "def greet_$a(request):\n    $b = html.escape(request.args[\"$b\"].strip())\n    body = f\"<p class='$a'>{$b}</p>\"\n    return respond(body)",
            ],
        },
        Part {
            cwe: 601,
            weak: &[
                "def leave_$a(request):\n    $c = request.args.get(\"$c\", \"/\")\n!   return redirect($c)",
                "def leave_$a(request):\n    if \"$c\" in request.args:\n!       return redirect(request.args[\"$c\"])\n    return redirect(\"/$a\")",
            ],
            sound: &[
                "def leave_$a(request):\n    $c = request.args.get(\"$c\", \"home\")\n    places = {\"home\": \"/\", \"$a\": \"/$a\"}\n    return redirect(places.get($c, \"/\"))",
                "def leave_$a(request):\n    $c = request.args[\"$c\"]\n    return redirect(\"/$a?$c=\" + urllib.parse.quote($c, safe=\"\"))",
            ],
        },
        Part {
            cwe: 918,
            weak: &[
                "def preview_$a(request):\n    $c = request.args[\"$c\"]\n!   with urllib.request.urlopen($c) as answer:\n        return respond(html.escape(answer.read().decode()))",
                "def preview_$a(request):\n    $c = request.args[\"$c\"]\n    if not $c.startswith(\"http\"):\n        return respond(\"no\")\n!   answer = urllib.request.urlopen($c, timeout=5)\n    return respond(html.escape(answer.read().decode()))",
            ],
            sound: &[
                "def preview_$a(request):\n    $c = urllib.parse.quote(request.args[\"$c\"], safe=\"\")\n    with urllib.request.urlopen(f\"https://$a.example.org/{$c}\") as answer:\n        return respond(html.escape(answer.read().decode()))",
                "def preview_$a(request):\n    pages = {\"news\": \"https://example.org/news\", \"help\": \"https://example.org/help\"}\n    $c = pages[request.args[\"$c\"]]\n    answer = urllib.request.urlopen($c, timeout=5)\n    return respond(html.escape(answer.read().decode()))",
            ],
        },
        Part {
            cwe: 502,
            weak: &[
                "def restore_$a(request):\n    $b = bytes.fromhex(request.args[\"$b\"])\n!   state = pickle.loads($b)\n    return respond(html.escape(str(state)))",
                "def restore_$a(request):\n!   state = pickle.loads(request.args[\"$b\"].encode(\"latin-1\"))\n    return respond(json.dumps(state))",
            ],
            sound: &[
                "def restore_$a(request):\n    $b = bytes.fromhex(request.args[\"$b\"])\n    state = json.loads($b)\n    return respond(html.escape(str(state)))",
                "def restore_$a(request):\n    with open(\"/srv/app/$a.state\", \"rb\") as file:\n        state = pickle.loads(file.read())\n    return respond(html.escape(str(state.get(request.args[\"$b\"]))))",
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
    planted: 4,
};
