//! Private tasks: agents are judged on them, and nothing of them is published, whatever agents print and whatever
//! `--disclose` says.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::{Finished, TestStore, solver};
use platform::api::{ListedTask, PRIVATE_FAULT, PrivateListing};
use platform::client::Client;
use platform::server::{Settings, serve};
use platform::store::Store;
use serde_json::Value;
use tokio::net::TcpListener;

/// A file of private tasks.
const PROBLEMS: &str = r#"{"task_id": "Wombat/77", "prompt": "def zygomorph(n):\n    \"\"\"Return the quokka number of n.\"\"\"\n", "entry_point": "zygomorph", "canonical_solution": "    return n * 917356241\n", "base_input": [[313370073]], "plus_input": [[-5], [0]], "atol": 0}
{"task_id": "Wombat/78", "prompt": "def brindle(n):\n    \"\"\"Return the narwhal word of n.\"\"\"\n", "entry_point": "brindle", "canonical_solution": "    return 'tuxedo' * n\n", "base_input": [[2]], "plus_input": [[0], [3]], "atol": 0}
"#;
/// Words of it, in lower case: of names, prompts, entry points, solutions, inputs and expected values.
const WORDS: [&str; 9] = [
    "wombat",
    "zygomorph",
    "quokka",
    "917356241",
    "313370073",
    "287471992209175593",
    "brindle",
    "narwhal",
    "tuxedo",
];
/// An agent that solves public and private tasks.
const THINKER: &str = "import sys\nprompt = sys.argv[-1]\nif 'reverse_string' in prompt:\n    print('def \
    reverse_string(s): return s[::-1]')\nif 'quokka' in prompt:\n    print('def zygomorph(n): return n * 917356241')\nif \
    'narwhal' in prompt:\n    print('def brindle(n): return \"tuxedo\" * n')\n";
/// An agent that puts its prompt into everything that it can write: its output, errors, exceptions and results.
const LEAKER: &str = "import re, sys\nprompt = sys.argv[-1]\nprint(prompt, file=sys.stderr)\nprint(f'PROMPT = \
    {prompt!r}\\nprint(PROMPT)')\nfor name in re.findall(r'def (\\w+)', prompt):\n    print(f'def {name}(n):\\n    if \
    n == 2: return PROMPT\\n    raise ValueError(PROMPT)')\n";

/// A store with a closed round on a public and two private tasks, and its report.
struct Judged {
    store: TestStore,
    file: PathBuf,
    evaluated: Finished,
    report: PathBuf,
}

/// The round is judged once for all tests, which only read it.
static JUDGED: LazyLock<Judged> = LazyLock::new(|| {
    let memoriser = solver("remembers", &["reverse_string"]);
    let store =
        TestStore::new(&[("memoriser", &memoriser), ("thinker", THINKER), ("leaker", LEAKER)]);
    let (file, report) = (store.path("problems.jsonl"), store.path("report.json"));
    std::fs::write(&file, PROBLEMS).unwrap();
    let public =
        ["evaluate", "--task", "reverse_string", "--publish-partial", "--close", "--seed", "5"];
    let private = ["--private", &format!("evalplus:{}", file.display()), "--private-name", "Set A"];
    let output = ["--json", "--disclose", "all"];
    let evaluated = store.arena(&[&public[..], &private, &output].concat());
    std::fs::write(&report, &evaluated.stdout).unwrap();
    Judged { store, file, evaluated, report }
});

impl Judged {
    /// Runs a command with the file of the private tasks.
    fn arena(&self, arguments: &[&str]) -> Finished {
        let file = format!("evalplus:{}", self.file.display());
        self.store.arena(&[arguments, &["--private", &file]].concat())
    }
}

/// Checks that a published text has no word of the private tasks.
fn check_secret(what: &str, text: &str) {
    let text = text.to_lowercase();
    for word in WORDS {
        let found = text.find(word).map(|at| text[..at].chars().rev().take(80).collect::<String>());
        assert!(found.is_none(), "'{word}' is in {what}, after (reversed) {found:?}");
    }
}

fn ranking<'a>(report: &'a Value, miner_id: &str) -> &'a Value {
    let rankings = report["rankings"].as_array().unwrap();
    rankings.iter().find(|ranking| ranking["miner_id"] == miner_id).unwrap()
}

#[test]
fn scores_show_which_agent_has_memorised() {
    JUDGED.evaluated.check(0, &[]);
    let report = JUDGED.evaluated.json();
    assert_eq!(report["round"]["private"]["name"], "Set A");
    assert_eq!(report["round"]["private"]["tasks"], 2);
    for (name, score, public, private) in
        [("thinker", 100.0, 100.0, 100.0), ("memoriser", 33.33, 100.0, 0.0)]
    {
        let ranking = ranking(&report, name);
        assert_eq!(ranking["score"], score, "{ranking}");
        assert_eq!(ranking["public_score"], public, "{ranking}");
        assert_eq!(ranking["private_score"], private, "{ranking}");
        assert!(ranking["families"].get("benchmarks").is_none(), "{ranking}");
    }
    let ranked = JUDGED.arena(&["rank"]);
    ranked.check(0, &[]);
    let row = |name: &str| {
        let line = ranked.stdout.lines().find(|line| line.trim().starts_with(name));
        line.unwrap_or_else(|| panic!("{ranked:?}")).to_owned()
    };
    assert!(row("private").contains("100") && row("private").contains(" 0 "), "{ranked:?}");
    let csv = JUDGED.arena(&["rank", "--format", "csv"]).stdout;
    assert!(csv.starts_with("rank,agent,score,public,private,low"), "{csv}");
    assert!(csv.contains(",memoriser,33.33,100,0,"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_private_tasks_is_published() {
    let judged = &*JUDGED;
    check_secret("the report", &judged.evaluated.stdout);
    let leaked = judged.arena(&["show", "leaker", "--disclose", "all", "--verbose"]);
    assert!(leaked.stdout.contains("quokka number"), "the agent tried: {leaked:?}");
    for format in ["text", "json", "junit", "csv", "markdown"] {
        let ranked = judged.arena(&["rank", "--format", format, "--disclose", "all"]);
        ranked.check(0, &[]);
        check_secret(format, &ranked.stdout);
    }
    check_secret("arena tasks", &judged.store.arena(&["tasks"]).stdout);
    let store = Store::open(judged.store.path("")).unwrap();
    check_secret(
        "rankings.json",
        &std::fs::read_to_string(store.root().join("rankings.json")).unwrap(),
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, store, Settings::default(), std::future::pending()));
    let pages = [
        "rounds?format=html",
        "tasks?format=html",
        "agents/leaker?format=html",
        "rankings?format=csv",
    ];
    let paths = [
        "",
        "rankings",
        "tasks",
        "openapi.json",
        "agents",
        "agents/leaker",
        "reference",
        "rounds",
        "feed.atom",
    ];
    for path in paths.into_iter().chain(pages) {
        let text = reqwest::get(format!("{url}/{path}")).await.unwrap().text().await.unwrap();
        check_secret(path, &text);
        let shows_name = text.contains("Set A");
        let named = ["", "rankings", "tasks", "tasks?format=html"];
        assert_eq!(shows_name, named.contains(&path), "{path}");
    }
    let page = reqwest::get(&url).await.unwrap().text().await.unwrap();
    for part in [">Public</a></th>", ">Private</a></th>", "2 of Set A", "a private task of Set A"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    let client = Client::new(&url).unwrap();
    let listed = client.listed_tasks().await.unwrap();
    let private = PrivateListing::Private { name: "Set A".into(), count: 2 };
    assert_eq!(listed.last(), Some(&ListedTask::Private(private)));
    assert_eq!(client.tasks().await.unwrap().len(), listed.len() - 1);
    let id = judged.evaluated.json()["round"]["tasks"][1].as_str().unwrap().to_owned();
    assert_eq!(reqwest::get(format!("{url}/tasks/{id}")).await.unwrap().status(), 404);
}

#[test]
fn report_is_verified_with_and_without_the_file() {
    let judged = &*JUDGED;
    let report = judged.report.to_str().unwrap();
    let without = judged.store.arena(&["verify", report]);
    without.check(0, &["2 private tasks not checked against their definitions", "--private"]);
    assert!(without.stdout.contains("holds"), "{without:?}");
    let with = judged.arena(&["verify", report, "--rerun", "9"]);
    with.check(0, &[]);
    assert!(!with.stderr.contains("not checked"), "{with:?}");
    assert!(with.stdout.contains("9 trials run again gave the same"), "{with:?}");
    // Without the file, only trials on public tasks run again.
    let without = judged.store.arena(&["verify", report, "--rerun", "9"]);
    assert!(without.stdout.contains("3 trials run again gave the same"), "{without:?}");

    let other = judged.store.path("other.jsonl");
    std::fs::write(&other, PROBLEMS.replace("313370073", "313370074")).unwrap();
    let other = format!("evalplus:{}", other.display());
    let commands =
        [&["verify", report][..], &["rank"], &["show"], &["cache"]].map(<[&str]>::to_vec);
    for command in &commands {
        let finished = judged.store.arena(&[&command[..], &["--private", &other]].concat());
        finished.check(2, &["is not the file of the round's private tasks: its sha256 is"]);
        if command[0] != "verify" {
            judged
                .store
                .arena(command)
                .check(2, &["the round has 2 private tasks ('Set A')", "--private"]);
        }
        judged.arena(command).check(0, &[]);
    }
}

#[test]
fn faults_on_private_tasks_do_not_quote_them() {
    let store = TestStore::new(&[("thinker", THINKER)]);
    let file = store.path("problems.jsonl");
    std::fs::write(&file, PROBLEMS.replace("return 'tuxedo' * n", "raise ValueError('tuxedo')"))
        .unwrap();
    let file = format!("evalplus:{}", file.display());
    let public = ["evaluate", "--task", "reverse_string", "--publish-partial", "--json"];
    let evaluated = store.arena(&[&public[..], &["--private", &file]].concat());
    evaluated.check(1, &["Wombat/78 is left out"]);
    check_secret("the report", &evaluated.stdout);
    let round = &evaluated.json()["round"];
    assert_eq!(round["faults"][0]["fault"], PRIVATE_FAULT);
    assert_eq!(
        (&round["private"]["name"], &round["private"]["tasks"]),
        (&"problems".into(), &1.into())
    );
    assert_eq!(store.read("rankings.json")["round"], *round);
}

#[test]
fn open_round_keeps_its_private_tasks() {
    let store = TestStore::new(&[("thinker", THINKER)]);
    let file = store.path("problems.jsonl");
    std::fs::write(&file, PROBLEMS).unwrap();
    let file = format!("evalplus:{}", file.display());
    let benchmark = ["evaluate", "--benchmark", &file];
    store
        .arena(&[&benchmark[..], &["--private", &file, "--private-name", "a/b"]].concat())
        .check(2, &["'a/b' cannot name private tasks", "--private-name"]);
    store.arena(&[&benchmark[..], &["--private", &file]].concat()).check(0, &[]);
    // Without the file, the next ranking would silently lack them.
    store.arena(&benchmark).check(2, &["the round has 2 private tasks ('problems')"]);
}
