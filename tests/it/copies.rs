//! Copies in a ranking, and `arena show --similar`.

use std::path::Path;

use crate::support::{REVERSER, arena, json, stderr, store};

/// An agent of some length, with these names for its function and variables.
fn agent(function: &str, item: &str, found: &str) -> String {
    let code = "
import re
import sys


def FUNCTION(text):
    FOUND = {}
    for ITEM in re.findall(r'\\w+', text.lower()):
        if len(ITEM) > 3 and ITEM not in FOUND:
            FOUND[ITEM] = text.count(ITEM)
        elif ITEM in FOUND:
            FOUND[ITEM] += 1
        else:
            continue
    return sorted(FOUND.items(), key=lambda pair: (-pair[1], pair[0]))


def main():
    for ITEM, count in FUNCTION(sys.argv[-1])[:3]:
        if count < 2:
            break
        print('def', ITEM, '(s): return s[::-1]', sep=' ', end='\\n')
    while False:
        raise SystemExit(FUNCTION.__name__ + str(len(FOUND)) + repr(count))


main()
";
    code.replace("FUNCTION", function).replace("ITEM", item).replace("FOUND", found)
}

fn path(directory: &Path) -> &str {
    directory.to_str().expect("the path is text")
}

#[test]
fn an_agent_with_other_comments_and_formatting_earns_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let reformatted = format!("# mine\n\n{}", REVERSER.replace("    print(", "\tprint(  "));
    let other = REVERSER.replace("s[::-1]", "str().join(reversed(s))");
    let agents =
        [("author", REVERSER), ("copier", reformatted.as_str()), ("other", other.as_str())];
    store(directory.path(), &agents);
    let arguments = ["evaluate", "--store", path(directory.path()), "--task", "reverse_string"];
    let seed = ["--seed", "5", "--close", "--publish-partial", "--json"];
    let evaluated = arena(&[&arguments[..], &seed[..]].concat());
    assert!(evaluated.status.success(), "{evaluated:?}");
    let report = json(&evaluated);
    let rankings = report["rankings"].as_array().unwrap();
    let lines = rankings.iter().map(|ranking| {
        let (miner, reward) = (&ranking["miner_id"], &ranking["reward_tao"]);
        format!("{miner} {reward} {}", ranking["copy_of"])
    });
    let expected = [r#""author" "50" null"#, r#""other" "50" null"#, r#""copier" "0" "author""#];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    assert_ne!(rankings[0]["agent_sha256"], rankings[2]["agent_sha256"]);

    // The report alone shows it, and with the sources a digest that is not theirs is found.
    let file = directory.path().join("round.json");
    std::fs::write(&file, &evaluated.stdout).unwrap();
    let verified = arena(&["verify", path(&file)]);
    assert!(verified.status.success(), "{verified:?}");
    let forged = String::from_utf8(evaluated.stdout).unwrap();
    let tokens = |at: usize| rankings[at]["program_sha256"].as_str().unwrap().to_owned();
    assert_eq!(tokens(0), tokens(2));
    std::fs::write(&file, forged.replacen(&tokens(0), &"0".repeat(64), 2)).unwrap();
    let refused =
        arena(&["verify", path(&file), "--rerun", "1", "--store", path(directory.path())]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[test]
fn near_copies_are_shown_with_their_places_and_a_diff() {
    let directory = tempfile::tempdir().unwrap();
    let (original, renamed) = (agent("words", "word", "seen"), agent("parse", "w", "table"));
    let agents = [("author", original.as_str()), ("thief", &renamed), ("other", REVERSER)];
    store(directory.path(), &agents);
    let show = |arguments: &[&str]| {
        let output = arena(&[&["show", "--store", path(directory.path())], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        output
    };
    let text = |arguments| String::from_utf8(show(arguments).stdout).unwrap();
    let shown = text(&["thief", "--similar"]);
    for part in [
        "author (since ",
        ", then thief (since ",
        "a copy with other names or values, similarity 100 %",
        "  lines 2 to 27 of author, lines 2 to 27 of thief: ",
        "--- author lines 2 to 27\n+++ thief lines 2 to 27\n",
        "\n-def words(text):\n",
        "\n+def parse(text):\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    assert!(text(&["--similar"]).contains("author    thief"), "{}", text(&["--similar"]));
    assert!(text(&["other", "--similar"]).contains("other is not similar to any of the other 2"));
    let document = json(&show(&["author", "--similar", "--json"]));
    assert_eq!(document["agents"], 3);
    let pair = &document["similar"][0];
    assert_eq!(
        (&pair["earlier"]["miner_id"], &pair["later"]["miner_id"]),
        (&"author".into(), &"thief".into())
    );
    assert_eq!((&pair["kind"], &pair["similarity"]), (&"renamed".into(), &1.0.into()));
    assert_eq!(pair["passages"][0]["later"]["first"], 2);
    assert!(pair["diff"].as_str().unwrap().contains("+def parse"));

    // Published code does not count as evidence.
    let published = directory.path().join("published.py");
    std::fs::write(&published, &original).unwrap();
    let none = text(&["--similar", "--base-code", path(&published)]);
    assert_eq!(none, "none of 3 agents are similar\n");
    for (arguments, said) in [
        (&["thie", "--similar"][..], "no agent 'thie' is stored; did you mean 'thief'?"),
        (&["--similar", "--base-code", "/no/such/file"], "cannot read /no/such/file"),
        (&["--similar", "--format", "junit"], "--similar has no JUnit form"),
    ] {
        let refused = arena(&[&["show", "--store", path(directory.path())], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(stderr(&refused).contains(said), "{refused:?}");
    }
}

#[test]
fn fsck_adds_digests_of_tokens_that_an_older_version_did_not_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path(), &[("me", REVERSER)]);
    let file = directory.path().join("agents/me.json");
    let mut meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let tokens = meta.as_object_mut().unwrap().remove("program_sha256").unwrap();
    std::fs::write(&file, meta.to_string()).unwrap();
    let fsck =
        |more: &[&str]| arena(&[&["fsck", "--store", path(directory.path())], more].concat());
    let found = fsck(&[]);
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    let said = String::from_utf8(found.stdout).unwrap();
    assert!(said.contains("the digest of the program of a version is missing or wrong"), "{said}");
    assert!(fsck(&["--repair"]).status.success());
    let meta = store.agent(&"me".parse().unwrap()).unwrap().unwrap();
    assert_eq!(meta.program_sha256.unwrap().as_str(), tokens);
    assert!(fsck(&[]).status.success());
}
