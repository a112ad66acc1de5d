//! An export of a closed round: a stranger recomputes the round from it, with a Docker daemon and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tasks::Sha256;

use crate::signatures::{close, make_key};
use crate::support::TestStore;
use crate::support::{Finished, REVERSER, command, fixture};

/// An empty directory with an export in it, and `arena` without any store.
struct Stranger(tempfile::TempDir);

impl Stranger {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn verify(&self, more: &[&str]) -> Finished {
        let mut verify = command(&[&["verify", "round"], more].concat());
        Finished::of(verify.current_dir(self.0.path()).output().unwrap())
    }

    /// Runs a line of the export's README.
    fn shell(&self, line: &str) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.path("round"));
        shell.output().unwrap().status.success()
    }

    fn files(&self) -> Vec<String> {
        let sums = fs::read_to_string(self.path("round/SHA256SUMS")).unwrap();
        sums.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect()
    }

    /// Lists a file with the digest that it has now, as a forger would.
    fn list_again(&self, name: &str) {
        let path = self.path("round/SHA256SUMS");
        let sums = fs::read_to_string(&path).unwrap();
        let digest = Sha256::of(&fs::read(self.path("round").join(name)).unwrap());
        let lines = sums.lines().map(|line| match line.split_once("  ") {
            Some((_, listed)) if listed == name => format!("{digest}  {name}\n"),
            _ => format!("{line}\n"),
        });
        fs::write(path, lines.collect::<String>()).unwrap();
    }
}

fn export(store: &TestStore, round: &str, more: &[&str]) -> (Stranger, Finished) {
    let stranger = Stranger(tempfile::tempdir().unwrap());
    let directory = stranger.path("round");
    let to = ["export", round, "--to", directory.to_str().unwrap()];
    let finished = store.arena(&[&to[..], more].concat());
    (stranger, finished)
}

/// Changes one byte in the middle of a file.
fn tamper(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] = if bytes[middle] == b'a' { b'b' } else { b'a' };
    fs::write(path, bytes).unwrap();
}

/// The kind of a file: its directory, or its name.
fn kind(name: &str) -> &str {
    name.split_once('/').map_or(name, |(directory, _)| directory)
}

#[test]
fn stranger_recomputes_a_round_from_its_export() {
    let copy = REVERSER.replace("s[::-1]", "''.join(reversed(s))");
    let store = TestStore::new(&[("alice", REVERSER), ("bob", "pass\n"), ("carol", &copy)]);
    let key = make_key(store.path("").as_path(), "key", &["-t", "ed25519", "-N", ""]);
    let before = close(&store, "1.json", Some(&key));
    close(&store, "2.json", Some(&key));
    // Closed rounds stay exportable when agents change and another round is open.
    store.arena(&["evaluate", "--open"]).check(0, &[]);
    let (stranger, written) = export(&store, "latest", &[]);
    written.check(0, &[]);

    let signer = stranger.path("key.pub");
    fs::copy(key.with_extension("pub"), &signer).unwrap();
    fs::copy(&before, stranger.path("before.json")).unwrap();
    let verify = ["--rerun", "all", "--signer", "key.pub", "--previous", "before.json"];
    let held = stranger.verify(&verify);
    held.check(0, &[]);
    for part in ["3 trials run again gave the same", "a key of key.pub", "it follows round"] {
        assert!(held.stdout.contains(part), "{part} is not in {held:?}");
    }
    let readme = fs::read_to_string(stranger.path("round/README.md")).unwrap();
    let lines: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    for start in ["sha256sum ", "ssh-keygen "] {
        let line = lines.iter().find(|line| line.starts_with(start)).unwrap();
        assert!(stranger.shell(line), "{line}");
        assert!(
            !stranger.shell(&line.replace("SHA256SUMS", "README.md").replace("validator", "x"))
        );
    }
    // The exported report is that of the round, with the same signature.
    let [exported, closed] = [stranger.path("round/report.json"), store.path("2.json")]
        .map(|path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap());
    for part in ["round", "rankings", "signature"] {
        assert_eq!(exported[part], closed[part], "{part}");
    }

    check_one_changed_byte(&stranger);
    check_other_files(&stranger);
}

/// Changes one byte in a file of each kind.
fn check_one_changed_byte(stranger: &Stranger) {
    let mut kinds = std::collections::BTreeSet::new();
    for name in stranger.files() {
        if !kinds.insert(kind(&name).to_owned()) {
            continue;
        }
        let path = stranger.path("round").join(&name);
        let whole = fs::read(&path).unwrap();
        tamper(&path);
        let refused = stranger.verify(&[]);
        assert_eq!(
            refused.status,
            Some(if name == "export.json" { refused.status.unwrap() } else { 1 })
        );
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(&name), "{name} is not in {said}");
        // A forger who lists the changed file is found out as well, but for what is only for people.
        let sums = fs::read(stranger.path("round/SHA256SUMS")).unwrap();
        stranger.list_again(&name);
        let refused = stranger.verify(&[]);
        let is_refused = refused.status != Some(0);
        assert_eq!(is_refused, name != "README.md", "{name}: {refused:?}");
        fs::write(stranger.path("round/SHA256SUMS"), sums).unwrap();
        fs::write(&path, whole).unwrap();
    }
    let expected = [
        "README.md",
        "agents",
        "allowed_signers",
        "export.json",
        "ranking.json",
        "report.json",
        "statement.txt",
        "statement.txt.sig",
        "tasks",
    ];
    assert!(kinds.iter().map(String::as_str).eq(expected), "{kinds:?}");
}

/// Files that are too many or missing, and a list of digests that is not one.
fn check_other_files(stranger: &Stranger) {
    let refused = |words: &str| {
        let refused = stranger.verify(&[]);
        assert_eq!(refused.status, Some(1), "{refused:?}");
        assert!(refused.stdout.contains(words), "{words:?} is not in {refused:?}");
    };
    fs::write(stranger.path("round/more.txt"), "x").unwrap();
    refused("more.txt is not listed in SHA256SUMS");
    fs::remove_file(stranger.path("round/more.txt")).unwrap();
    let source = stranger.files().into_iter().find(|name| kind(name) == "agents").unwrap();
    fs::remove_file(stranger.path("round").join(&source)).unwrap();
    refused(&format!("{source} is missing"));
    let sums = fs::read_to_string(stranger.path("round/SHA256SUMS")).unwrap();
    fs::write(stranger.path("round/SHA256SUMS"), sums.replacen("  ", " ", 1)).unwrap();
    refused("SHA256SUMS, line 1");
    fs::remove_file(stranger.path("round/SHA256SUMS")).unwrap();
    stranger.verify(&[]).check(2, &["cannot read SHA256SUMS"]);
}

#[test]
fn export_of_a_benchmark_round_has_the_benchmark() {
    let store = TestStore::new(&[("alice", "print('def double(n): return 2 * n')\n")]);
    let benchmark = format!("evalplus:{}", fixture("benchmarks/small_plus.jsonl").display());
    let benchmark = ["--benchmark", benchmark.as_str()];
    store.arena(&[&["evaluate", "--close", "--json"][..], &benchmark].concat()).check(0, &[]);
    let (_, refused) = export(&store, "latest", &[]);
    refused.check(2, &["--benchmark"]);
    let (stranger, written) = export(&store, "latest", &benchmark);
    written.check(0, &[]);
    let held = stranger.verify(&["--rerun", "all"]);
    held.check(0, &[]);
    assert!(held.stdout.contains("trials run again gave the same"), "{held:?}");
    // The expected values and the problems are part of what the trials' keys are digests of.
    for start in ["benchmark/", "expected/"] {
        let mut changed = 0;
        let files = stranger.files().into_iter();
        for name in files.filter(|name| name.starts_with(start)) {
            let path = stranger.path("round").join(&name);
            let whole = fs::read_to_string(&path).unwrap();
            let other = whole.replace("Return twice n.", "Return n twice.").replace('4', "5");
            if other == whole {
                continue;
            }
            fs::write(&path, other).unwrap();
            stranger.list_again(&name);
            let refused = stranger.verify(&[]);
            assert_ne!(refused.status, Some(0), "{name}: {refused:?}");
            changed += 1;
            fs::write(&path, whole).unwrap();
            stranger.list_again(&name);
        }
        assert!(changed > 0, "no file of {start} was changed");
    }
}

#[test]
fn what_cannot_be_exported_is_named() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    let check = |round: &str, more: &[&str], status: i32, words: &[&str]| {
        let (stranger, refused) = export(&store, round, more);
        refused.check(status, words);
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        assert!(!stranger.path("round/SHA256SUMS").exists());
    };
    check("latest", &[], 2, &["holds no closed round"]);
    store.evaluate(&[]).check(0, &[]);
    let open = store.read("round.json")["id"].as_str().unwrap().to_owned();
    check(&open, &[], 2, &["is open", "would reveal its secret seed"]);
    close(&store, "1.json", None);
    check("latest", &["--with-model-journal"], 2, &["had no model"]);
    check(&open[..open.len() - 1], &[], 2, &["holds no round", &format!("did you mean '{open}'?")]);
    let to = ["export", "latest", "--to", store.path("").to_str().unwrap()].map(str::to_owned);
    let to: Vec<_> = to.iter().map(String::as_str).collect();
    store.arena(&to).check(2, &["is not an empty directory"]);
    // A record that was pruned leaves no report.
    for record in fs::read_dir(store.path("results")).unwrap() {
        fs::remove_file(record.unwrap().path()).unwrap();
    }
    check("latest", &[], 1, &["alice on reverse_string has no trial record", "cache --prune"]);
    let plain = Stranger(tempfile::tempdir().unwrap());
    fs::create_dir(plain.path("round")).unwrap();
    plain.verify(&[]).check(2, &["is not an export of 'arena export'", "export.json"]);
}
