//! Keys and signatures, held against `ssh-keygen`.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::api::SignatureError::{Armor, OtherKey, PublicKey, Statement};

const NAMESPACE: &str = "arena-test";

/// A directory with keys that `ssh-keygen` makes.
struct KeyDirectory(tempfile::TempDir);

impl KeyDirectory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `ssh-keygen` in the directory, with this text on its stdin.
    fn keygen(&self, arguments: &[&str], stdin: &str) -> std::process::Output {
        let mut command = Command::new("ssh-keygen");
        command.args(arguments).current_dir(self.0.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("ssh-keygen is installed (package openssh-client)");
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Makes a key.
    fn key(&self, name: &str, more: &[&str]) -> PathBuf {
        let arguments = [&["-q", "-f", name][..], more].concat();
        let made = self.keygen(&arguments, "");
        assert!(made.status.success(), "{made:?}");
        self.path(name)
    }

    fn ed25519(&self, name: &str) -> PathBuf {
        self.key(name, &["-t", "ed25519", "-N", ""])
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[test]
fn ssh_keygen_accepts_a_signature_and_makes_one() {
    let keys = KeyDirectory::new();
    let key = SigningKey::read(&keys.ed25519("key")).unwrap();
    let signature = key.sign(NAMESPACE, "text\n".to_owned());
    assert_eq!(signature.signer(NAMESPACE), Ok(key.public()));
    keys.write("signers", &format!("me {}\n", signature.public_key));
    keys.write("text.sig", &signature.armor);
    let verify = |text: &str, namespace: &str| {
        let arguments =
            ["-Y", "verify", "-f", "signers", "-I", "me", "-n", namespace, "-s", "text.sig"];
        keys.keygen(&arguments, text).status.success()
    };
    assert!(verify("text\n", NAMESPACE));
    assert!(!verify("texT\n", NAMESPACE));
    assert!(!verify("text\n", "other"));

    let made = keys.keygen(&["-Y", "sign", "-f", "key", "-n", NAMESPACE], "text\n");
    assert_eq!(String::from_utf8(made.stdout).unwrap(), signature.armor);
    let listed = keys.keygen(&["-l", "-f", "key.pub"], "");
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains(&key.public().fingerprint()), "{listed}");
}

#[test]
fn a_signature_is_of_one_text_for_one_purpose_by_one_key() {
    let (key, other) = (SigningKey::of_seed(&[1; 32]), SigningKey::of_seed(&[2; 32]));
    let signature = key.sign(NAMESPACE, "text".to_owned());
    let changed = |change: &dyn Fn(&mut SshSignature)| {
        let mut changed = signature.clone();
        change(&mut changed);
        changed.signer(NAMESPACE).unwrap_err()
    };
    assert_eq!(signature.signer("other"), Err(Statement));
    assert_eq!(changed(&|s| s.statement.push(' ')), Statement);
    assert_eq!(changed(&|s| s.public_key = other.public().to_openssh()), OtherKey);
    assert_eq!(changed(&|s| s.public_key.push_str(" comment")), PublicKey);
    assert_eq!(changed(&|s| s.public_key.clear()), PublicKey);
    assert_eq!(changed(&|s| s.armor.push('x')), Armor);
    assert_eq!(changed(&|s| s.armor.push('\n')), Armor);
    assert_eq!(changed(&|s| s.armor.clear()), Armor);
    assert_eq!(changed(&|s| s.armor = other.sign(NAMESPACE, "text".into()).armor), OtherKey);
    assert_eq!(changed(&|s| s.armor = key.sign(NAMESPACE, "texts".into()).armor), Statement);
    // Any change of one character inside the signature is refused, whatever it breaks.
    let body = signature.armor.find('\n').unwrap() + 1..signature.armor.rfind("\n---").unwrap();
    for place in body {
        let change = |s: &mut SshSignature| {
            let with = if s.armor.as_bytes()[place] == b'A' { "B" } else { "A" };
            s.armor.replace_range(place..=place, with);
        };
        changed(&change);
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_in_one_sentence() {
    let keys = KeyDirectory::new();
    let good = keys.ed25519("good");
    let shared = keys.ed25519("shared");
    fs::set_permissions(&shared, Permissions::from_mode(0o640)).unwrap();
    let text = fs::read_to_string(&good).unwrap();
    let half = keys.write("half", &text[..text.len() / 2]);
    for (path, words) in [
        (keys.path("missing"), "cannot read the signing key"),
        (keys.0.path().to_owned(), "Is a directory"),
        (keys.path("good.pub"), "holds a public key"),
        (shared, "accessible to other users (mode 0640); run 'chmod 600 "),
        (keys.key("locked", &["-t", "ed25519", "-N", "secret"]), "has a passphrase"),
        (keys.key("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]), "is not of type ed25519"),
        (keys.key("ecdsa", &["-t", "ecdsa", "-N", ""]), "is not of type ed25519"),
        (keys.key("pem", &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"]), "in OpenSSH format"),
        (keys.write("empty", ""), "in OpenSSH format"),
        (half, "in OpenSSH format"),
    ] {
        let error = SigningKey::read(&path).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(path.to_str().unwrap()), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    SigningKey::read(&good).unwrap();
}

#[test]
fn trusted_signers_are_a_public_key_or_lines_of_allowed_signers() {
    let keys = KeyDirectory::new();
    let (one, two) = (SigningKey::of_seed(&[1; 32]), SigningKey::of_seed(&[2; 32]));
    let (first, second) = (one.public().to_openssh(), two.public().to_openssh());
    let read = |text: &str| TrustedSigners::read(&keys.write("signers", text), NAMESPACE);
    for text in [
        format!("{first} a comment\n"),
        format!("# ours\n\nme@example,you@example {first}\n"),
        format!("me namespaces=\"file,{NAMESPACE}\" {first}\nme namespaces=\"file\" {second}\n"),
    ] {
        let signers = read(&text).unwrap();
        assert_eq!(signers.refuse(&one.public()), None, "{text}");
        let refused = signers.refuse(&two.public()).unwrap();
        assert!(refused.contains(&two.public().fingerprint()), "{refused}");
    }
    assert_eq!(read(&format!("{first}\n{second}\n")).unwrap().refuse(&two.public()), None);
    for (text, words) in [
        (format!("\nme cert-authority {first}\n"), "line 2: expected an ed25519 public key"),
        (format!("me valid-before=\"20300101\" {first}\n"), "line 1"),
        ("ssh-rsa AAAA\n".to_owned(), "line 1"),
        ("ssh-ed25519 AAAA\n".to_owned(), "line 1"),
        ("# nothing\n".to_owned(), "names no key that may sign arena-test"),
        (format!("me namespaces=\"file\" {first}\n"), "names no key"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let error = TrustedSigners::read(&keys.path("missing"), NAMESPACE).unwrap_err().to_string();
    assert!(error.contains("cannot read the signers"), "{error}");
}
