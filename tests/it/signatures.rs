//! Signatures, the chain of rounds, and receipts: made by the arena, and checked by it and by `ssh-keygen` alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use platform::api::RANKING_NAMESPACE;
use platform::server::Settings;
use platform::signing::SigningKey;
use serde_json::Value;

use crate::support::TestStore;
use crate::support::{Finished, REVERSER, TestPlatform, arena, command};

/// A key that `ssh-keygen` makes in a directory; its public part is next to it.
pub fn make_key(directory: &Path, name: &str, more: &[&str]) -> PathBuf {
    let path = directory.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-f"]).arg(&path).args(more);
    let made = keygen.output().expect("ssh-keygen is installed (package openssh-client)");
    assert!(made.status.success(), "{made:?}");
    path
}

fn ed25519(directory: &Path, name: &str) -> PathBuf {
    make_key(directory, name, &["-t", "ed25519", "-N", ""])
}

/// Closes a round of one task and keeps its report.
pub fn close(store: &TestStore, name: &str, key: Option<&Path>) -> PathBuf {
    let key = key.map(|key| key.to_str().unwrap());
    let more: Vec<_> = key.into_iter().flat_map(|key| ["--sign-key", key]).collect();
    let closed = store.evaluate(&[&["--close", "--json"], &more[..]].concat());
    closed.check(0, &["closed: seed"]);
    assert_eq!(closed.stderr.contains("signed by SHA256:"), key.is_some(), "{closed:?}");
    let report = store.path(name);
    fs::write(&report, &closed.stdout).unwrap();
    report
}

fn verify(arguments: &[&str]) -> Finished {
    Finished::of(arena(&[&["verify"], arguments].concat()))
}

/// Checks the exit status, and that each part is on stdout.
fn check(finished: &Finished, status: i32, parts: &[&str]) {
    assert_eq!(finished.status, Some(status), "{finished:?}");
    for part in parts {
        assert!(finished.stdout.contains(part), "{part:?} is not in {finished:?}");
    }
}

/// Copies a JSON file with one change.
fn changed(path: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut document);
    let other = path.with_extension("changed.json");
    fs::write(&other, document.to_string()).unwrap();
    other
}

/// The lines of docs/rounds.md that a reader without the arena runs.
const SHELL: &str = "set -eu\n\
    jq -j .signature.statement \"$1\" > statement\n\
    jq -j .signature.armor \"$1\" > statement.sig\n\
    ssh-keygen -Y verify -f signers -I validator -n arena-round -s statement.sig < statement\n\
    cat statement\n";

/// The digest of a ranking, as docs/rounds.md shows it.
const DIGEST: &str = "import hashlib, json, sys\n\
    d = json.load(open(sys.argv[1]))\n\
    d = {'round': d['round'], 'rankings': d['rankings']}\n\
    text = json.dumps(d, sort_keys=True, separators=(',', ':'), ensure_ascii=False)\n\
    print(hashlib.sha256(text.encode()).hexdigest())\n";

#[test]
fn signed_rounds_form_a_chain_that_ssh_keygen_accepts() {
    assert_eq!(RANKING_NAMESPACE, "arena-round");
    let store = TestStore::new(&[("alice", REVERSER)]);
    let keys = tempfile::tempdir().unwrap();
    let (key, other) = (ed25519(keys.path(), "key"), ed25519(keys.path(), "other"));
    let [first, second, third] =
        ["1.json", "2.json", "3.json"].map(|name| close(&store, name, Some(&key)));
    let [one, two, three] = [&first, &second, &third].map(|path| path.to_str().unwrap());
    let (signer, stranger) = (key.with_extension("pub"), other.with_extension("pub"));
    let (signer, stranger) = (signer.to_str().unwrap(), stranger.to_str().unwrap());

    // ssh-keygen, jq and Python alone, as the guide shows it.
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rounds.md")).unwrap();
    for line in SHELL.lines().filter(|line| line.starts_with("jq") || line.starts_with("ssh")) {
        let line = line.replace("\"$1\"", "round.json");
        assert!(guide.contains(&format!("\n$ {line}\n")), "{line} is not in docs/rounds.md");
    }
    assert!(guide.contains(DIGEST), "{DIGEST} is not in docs/rounds.md");
    let public = fs::read_to_string(signer).unwrap();
    fs::write(keys.path().join("signers"), format!("validator {public}")).unwrap();
    let shell = |report: &Path| {
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL, "sh"]).arg(report).current_dir(keys.path());
        shell.output().unwrap()
    };
    let checked = shell(&second);
    assert!(checked.status.success(), "{checked:?}");
    let text = String::from_utf8(checked.stdout).unwrap();
    let digest_of = |report: &Path| {
        let digest = Command::new("python3").args(["-c", DIGEST]).arg(report).output().unwrap();
        String::from_utf8(digest.stdout).unwrap().trim().to_owned()
    };
    assert!(text.contains(&format!("\nranking sha256:{}\n", digest_of(&second))), "{text}");
    assert!(text.contains(&format!("sha256:{}\n", digest_of(&first))), "{text}");
    let forged = changed(&second, |r| r["signature"]["statement"] = format!("{text} ").into());
    assert!(!shell(&forged).status.success());

    // The arena, with and without the files that say more.
    check(
        &verify(&[one]),
        0,
        &["signed by SHA256:", "--signer FILE", "names no closed round before"],
    );
    check(&verify(&[two, "--signer", signer]), 0, &["a key of", "--previous FILE checks that"]);
    check(
        &verify(&[three, "--previous", one, "--previous", two, "--signer", signer]),
        0,
        &["are a chain"],
    );
    let ranking = store.path("rankings.json");
    let ranking = ranking.to_str().unwrap();
    check(&verify(&[ranking, "--previous", two, "--signer", signer]), 0, &["the ranking of round"]);
    // A signature by another key, a report without one, and a chain with a gap or another round.
    check(&verify(&[two, "--signer", stranger]), 1, &["is not a key of"]);
    check(&verify(&[two, "--previous", one, "--signer", stranger]), 1, &["is not a key of"]);
    check(
        &verify(&[three, "--previous", one]),
        1,
        &["broken chain: round", "as the closed round before it"],
    );
    check(
        &verify(&[one, "--previous", two]),
        1,
        &["broken chain", "names no closed round before it"],
    );
    let forged =
        changed(&first, |r| r["rankings"][0]["uploaded_at"] = "2026-01-01T00:00:00Z".into());
    let forged = verify(&[two, "--previous", forged.to_str().unwrap()]);
    check(&forged, 1, &["broken chain", "with the digest", "of another ranking"]);
    let bare = changed(&second, |r| drop(r.as_object_mut().unwrap().remove("signature")));
    let bare = verify(&[bare.to_str().unwrap(), "--signer", signer]);
    check(&bare, 1, &["the digest is not that of the report", "has no valid signature"]);
    verify(&[two, "--signer", key.to_str().unwrap()]).check(2, &["expected an ed25519 public key"]);
    verify(&[two, "--previous", signer]).check(2, &["neither a report nor a published ranking"]);
    verify(&[ranking, "--rerun", "all"]).check(2, &["a ranking without trials"]);
    verify(&[two, "--rerun", "0"]).check(2, &["or 'all'"]);

    // What a report discloses does not change what is signed.
    let plain = store.arena(&["rank", "--json", "--disclose", "all"]);
    let digest = |document: &Value| document["round"]["trials_sha256"].clone();
    let closed: Value = serde_json::from_slice(&fs::read(&third).unwrap()).unwrap();
    assert_eq!(digest(&plain.json()), digest(&closed));
    assert_ne!(plain.json()["trials"], closed["trials"], "the levels of disclosure differ");
}

#[test]
fn round_without_a_key_is_not_signed_and_linked_all_the_same() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    let [first, second] = ["1.json", "2.json"].map(|name| close(&store, name, None));
    let (one, two) = (first.to_str().unwrap(), second.to_str().unwrap());
    check(&verify(&[two, "--previous", one]), 0, &["not signed", "it follows round"]);
}

#[test]
fn key_that_cannot_sign_is_refused_before_anything_runs() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    let keys = tempfile::tempdir().unwrap();
    let shared = ed25519(keys.path(), "shared");
    fs::set_permissions(&shared, Permissions::from_mode(0o644)).unwrap();
    for (path, words) in [
        (keys.path().join("missing"), "cannot read the signing key"),
        (shared.with_extension("pub"), "holds a public key"),
        (shared, "run 'chmod 600"),
        (make_key(keys.path(), "locked", &["-t", "ed25519", "-N", "secret"]), "has a passphrase"),
        (make_key(keys.path(), "ecdsa", &["-t", "ecdsa", "-N", ""]), "is not of type ed25519"),
    ] {
        let key = ["--sign-key", path.to_str().unwrap()];
        let refused = store.evaluate(&[&["--close"], &key[..]].concat());
        refused.check(2, &[words]);
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        store.arena(&[&["serve", "--addr", "127.0.0.1:0"], &key[..]].concat()).check(2, &[words]);
        // The variable names a key as well.
        let mut by_variable = command(&["evaluate", "--store", store.path("").to_str().unwrap()]);
        by_variable.env("ARENA_SIGN_KEY", &path);
        Finished::of(by_variable.output().unwrap()).check(2, &[words]);
    }
    assert!(!store.path("round.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_of_an_upload_is_kept_and_checked_offline() {
    let keys = tempfile::tempdir().unwrap();
    let path = ed25519(keys.path(), "platform");
    let sign_key = Some(SigningKey::read(&path).unwrap());
    let platform = TestPlatform::with(Settings { sign_key, ..Settings::default() }).await;
    let agent = platform.directory().join("agent.py");
    fs::write(&agent, REVERSER).unwrap();
    let upload = ["upload", agent.to_str().unwrap(), "--miner", "me", "--json"];
    let uploaded = platform.arena(&upload).await;
    uploaded.check(0, &["me uploaded as version 1", "receipt: "]);
    assert!(uploaded.json()["upload"]["signature"]["armor"].is_string(), "{uploaded:?}");
    let receipt = uploaded.stderr.lines().find_map(|line| line.strip_prefix("receipt: ")).unwrap();
    assert!(receipt.contains("/receipts/127.0.0.1_"), "{receipt}");

    let (signer, other) = (path.with_extension("pub"), ed25519(keys.path(), "other"));
    let verify = |receipt: &str, signer: Option<&Path>| {
        let signer = signer.map(|path| path.to_str().unwrap());
        let more: Vec<_> = signer.into_iter().flat_map(|path| ["--signer", path]).collect();
        verify(&[&["--receipt", receipt], &more[..]].concat())
    };
    check(&verify(receipt, None), 0, &["me, version 1, sha256", "--signer FILE"]);
    check(&verify(receipt, Some(&signer)), 0, &["a key of"]);
    check(&verify(receipt, Some(&other.with_extension("pub"))), 1, &["is not a key of"]);
    for (field, value, words) in [
        ("/version", Value::from(2), "of another upload"),
        ("/uploaded_at", "2026-01-01T00:00:00Z".into(), "of another upload"),
        ("/signature/armor", "x".into(), "does not hold"),
    ] {
        let forged = changed(Path::new(receipt), |r| *r.pointer_mut(field).unwrap() = value);
        check(&verify(forged.to_str().unwrap(), None), 1, &[words]);
    }
    verify(agent.to_str().unwrap(), None)
        .check(2, &["is not a receipt as 'arena upload' keeps it"]);
    verify("missing.json", None).check(2, &["cannot read missing.json"]);

    // Without a key, there is no receipt.
    let plain = TestPlatform::start().await;
    let uploaded = plain.arena(&upload).await;
    uploaded.check(0, &[]);
    assert!(!uploaded.stderr.contains("receipt"), "{uploaded:?}");
}
