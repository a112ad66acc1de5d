//! What is published of the trials behind a ranking, and how a miner without Docker learns from it why an agent failed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use platform::api::{AgentResults, ProgressState, RoundStatus};
use platform::store::Store;

use crate::support::{Finished, REVERSER, TestPlatform, TestStore};

/// An agent whose answer is wrong, and which complains about it.
const ECHO: &str = "import sys\nprint('def reverse_string(s): return s')\nsys.stderr.write('one line\\nI give up\\n')\n";

/// The inode of each file with published trials of the only round.
fn published(store: &Path) -> BTreeMap<String, u64> {
    let mut rounds = fs::read_dir(store.join("trials")).unwrap().map(|entry| entry.unwrap().path());
    let directory = rounds.find(|path| path.is_dir()).expect("a round was published");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    files
        .map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().ino()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_without_docker_learns_why_the_agent_failed_and_fixes_it() {
    let platform = TestPlatform::start().await;
    let file = platform.directory().join("agent.py").display().to_string();
    let root = platform.store.root().display().to_string();
    let upload = async |source: &str| {
        fs::write(&file, source).unwrap();
        platform.arena(&["upload", &file, "--miner", "me"]).await.check(0, &[]);
    };
    let evaluate = async || {
        let args = ["evaluate", "--task", "reverse_string", "--publish-partial", "--store", &root];
        platform.arena(&args).await.check(0, &[]);
    };
    let status = async |more: &[&str]| {
        let mut command = platform.command(&[&["status", "--miner", "me"], more].concat());
        command.env("DOCKER_HOST", "unix:///no/such/socket");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let ran = Finished::of(output);
        ran.check(0, &[]);
        ran
    };
    let check = |ran: &Finished, parts: &[&str]| {
        for part in parts {
            assert!(ran.stdout.contains(part), "{part:?} is not in {}", ran.stdout);
        }
    };
    upload(ECHO).await;
    check(&status(&[]).await, &["me: version 1", "not ranked yet\nwaiting to be judged since "]);

    evaluate().await;
    let progress = platform.store.progress().unwrap().expect("the evaluation reported it");
    assert_eq!((progress.state, progress.trials_done), (ProgressState::Finished, 1));
    check(
        &status(&[]).await,
        &[
            "rank 1 of 1, score ",
            "the round is open: ranks and rewards may change\n",
            "  reverse_string: WA, ",
            "; used ",
            "    WA example_1: reverse_string('hello') returned 'hello', expected 'olleh'\n",
            "    stderr ends:\n      one line\n      I give up\n",
            "  0 of 1 trial accepted\n",
        ],
    );
    // Without the token, what is public, and what the token would add.
    let elsewhere = platform.directory().join("tokens.json").display().to_string();
    let public = status(&["--token-file", &elsewhere]).await;
    check(&public, &["  reverse_string: WA, ", "tokens.json holds no token of this id; with it,"]);
    assert!(!public.stdout.contains("olleh") && !public.stdout.contains("give up"), "{public:?}");
    fs::write(&elsewhere, format!("{{\"{}\": {{\"me\": \"arena_0\"}}}}", platform.url)).unwrap();
    let refused = status(&["--token-file", &elsewhere]).await;
    check(&refused, &["tokens.json is not accepted"]);
    let document = status(&["--json"]).await.json();
    assert_eq!(document["status"]["judged_in"]["rank"], 1);
    assert_eq!(document["results"]["trials"][0]["verdict"], "WA");

    upload(REVERSER).await;
    check(
        &status(&[]).await,
        &[
            "this is the result of version 1; the current one is not judged yet",
            "waiting to be judged",
        ],
    );
    evaluate().await;
    check(&status(&[]).await, &["rank 1 of 1, score 100.00", "  1 of 1 trial accepted\n"]);
}

#[test]
fn unchanged_agents_are_not_published_again_and_unofficial_rounds_not_at_all() {
    let store = TestStore::new(&[("alice", REVERSER), ("bob", ECHO)]);
    let unofficial = store.arena(&["evaluate", "--task", "reverse_string"]);
    unofficial.check(0, &["published rankings unchanged"]);
    assert_eq!(fs::read_dir(store.path("trials")).unwrap().count(), 0);

    store.evaluate(&[]).check(0, &[]);
    let first = published(&store.path(""));
    assert_eq!(first.keys().collect::<Vec<_>>(), ["alice.json", "bob.json"]);
    store.evaluate(&[]).check(0, &[]);
    assert_eq!(published(&store.path("")), first);
    // The digests by which that is known depend on the secret seed.
    let opened = Store::open(store.path("")).unwrap();
    let round = opened.rankings().unwrap().unwrap().round.id;
    let known = store.path(&format!("trials/{round}.published.json"));
    assert_eq!(fs::metadata(known).unwrap().permissions().mode() & 0o777, 0o600);
    let of = |name: &str| -> AgentResults {
        Store::open(store.path("")).unwrap().latest_trials(&name.parse().unwrap()).unwrap().unwrap()
    };
    let bob = of("bob");
    let trial = &bob.trials[0];
    assert_eq!((&trial.key, trial.record.seed, &trial.record.origin), (&None, None, &None));
    assert_eq!(bob.check(&opened.rankings().unwrap().unwrap()), Ok(()));

    // A removed file is written again, and so is what another level of disclosure says.
    fs::remove_file(store.path(&format!("trials/{round}/bob.json"))).unwrap();
    store.evaluate(&[]).check(0, &[]);
    assert_eq!(of("bob"), bob);
    assert_eq!(published(&store.path(""))["alice.json"], first["alice.json"]);
    store.arena(&["rank", "--disclose", "none", "--publish-partial"]).check(0, &[]);
    assert!(of("bob").trials[0].record.cases.iter().all(|case| !case.detail.contains("hello")));

    // While the seed is secret, not even `all` publishes hidden cases.
    store.arena(&["rank", "--disclose", "all", "--publish-partial"]).check(0, &[]);
    let cases = &of("bob").trials[0].record.cases;
    assert!(cases.iter().any(|case| case.verdict.is_none()), "{cases:?}");

    // The end of the round reveals the rest, and can be published again from the records.
    store.evaluate(&["--close"]).check(0, &[]);
    let closed = of("bob");
    assert!(closed.trials[0].key.is_some() && closed.trials[0].record.seed.is_some());
    let ranking = opened.rankings().unwrap().unwrap();
    assert_eq!(ranking.round.status, RoundStatus::Closed);
    assert_eq!(closed.check(&ranking), Ok(()));
    fs::remove_dir_all(store.path("trials")).unwrap();
    store.arena(&["rank"]).check(0, &[]);
    assert_eq!(of("bob"), closed);
}

/// The ranking is stored first, and a failure says how to store the trials.
#[test]
fn trials_that_cannot_be_stored_do_not_cost_the_ranking() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    let opened = store.arena(&["evaluate", "--open", "--json"]).json();
    let id = opened["id"].as_str().unwrap().to_owned();
    fs::write(store.path("trials").join(&id), "a file in the place of the directory").unwrap();
    let ran = store.evaluate(&[]);
    ran.check(1, &["the ranking is stored, but not all of the trials", "run 'arena rank'"]);
    assert_eq!(store.read("rankings.json")["rankings"][0]["miner_id"], "alice");
    fs::remove_file(store.path("trials").join(&id)).unwrap();
    store.arena(&["rank", "--publish-partial"]).check(0, &[]);
    assert_eq!(published(&store.path("")).len(), 1);
}
