//! Signing with an SSH key, and the keys that a reader trusts.
//!
//! A key is one file, an ed25519 key as `ssh-keygen -t ed25519` writes it. It is read before anything is run, and what
//! cannot be used is refused in one sentence.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssh_key::private::Ed25519Keypair;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use crate::api::{PublicSigner, SshSignature};

/// More than any key or list of signers has, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A private key to sign with.
#[derive(Clone)]
pub struct SigningKey(Arc<PrivateKey>);

/// Why a file cannot be used as a signing key.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// It cannot be read.
    #[error(
        "cannot read the signing key {}: {cause}; 'ssh-keygen -t ed25519 -N \"\" -f FILE' makes one",
        .path.display()
    )]
    File {
        /// The file
        path: PathBuf,
        /// The system's error
        cause: io::Error,
    },
    /// It holds a public key.
    #[error(
        "{} holds a public key; name the file with the private one, whose name usually lacks '.pub'",
        .0.display()
    )]
    Public(PathBuf),
    /// Other users may read it.
    #[error(
        "the signing key {} is accessible to other users (mode {mode:04o}); run 'chmod 600 {}'",
        .path.display(), .path.display()
    )]
    Accessible {
        /// The file
        path: PathBuf,
        /// Its mode
        mode: u32,
    },
    /// It is encrypted.
    #[error(
        "the signing key {} has a passphrase, which the arena does not ask for; make a key of its own for the arena with \
         'ssh-keygen -t ed25519 -N \"\" -f FILE'",
        .0.display()
    )]
    Passphrase(PathBuf),
    /// It is a key of another type.
    #[error(
        "the signing key {} is not of type ed25519; 'ssh-keygen -t ed25519 -N \"\" -f FILE' makes one that is",
        .0.display()
    )]
    OtherType(PathBuf),
    /// It is something else.
    #[error(
        "{} is not a private key in OpenSSH format; 'ssh-keygen -t ed25519 -N \"\" -f FILE' makes one",
        .0.display()
    )]
    NotAKey(PathBuf),
}

impl SigningKey {
    /// Reads a private key.
    pub fn read(path: &Path) -> Result<Self, SigningKeyError> {
        let here = || path.to_owned();
        let failed = |cause| SigningKeyError::File { path: here(), cause };
        let (text, mode) = read_text(path).map_err(failed)?;
        if is_public_key(&text) {
            return Err(SigningKeyError::Public(here()));
        }
        // The same rule as that of ssh.
        if mode & 0o077 != 0 {
            return Err(SigningKeyError::Accessible { path: here(), mode });
        }
        let key = PrivateKey::from_openssh(&text).map_err(|error| match error {
            ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
                SigningKeyError::OtherType(here())
            }
            _ => SigningKeyError::NotAKey(here()),
        })?;
        if key.is_encrypted() {
            return Err(SigningKeyError::Passphrase(here()));
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(SigningKeyError::OtherType(here()));
        }
        Ok(Self(Arc::new(key)))
    }

    /// The key that a seed decides. For tests: a key is as secret as its seed.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519Keypair::from_seed(seed);
        Self(Arc::new(PrivateKey::from(pair)))
    }

    /// Signs a text for a purpose, which the namespace names.
    pub fn sign(&self, namespace: &str, statement: String) -> SshSignature {
        let signature = self.0.sign(namespace, HashAlg::Sha512, statement.as_bytes());
        let armor = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
        // An ed25519 key in memory signs any text.
        let armor = armor.expect("an ed25519 key signs any text");
        SshSignature { public_key: self.public().to_openssh(), statement, armor }
    }

    /// The public part of the key.
    pub fn public(&self) -> PublicSigner {
        PublicSigner::new(self.0.public_key().clone())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().fingerprint())
    }
}

/// The keys that a reader trusts.
#[derive(Clone, Debug)]
pub struct TrustedSigners {
    path: PathBuf,
    keys: Vec<PublicSigner>,
}

/// Why a file does not name trusted keys.
#[derive(Debug, thiserror::Error)]
pub enum TrustedSignersError {
    /// It cannot be read.
    #[error("cannot read the signers in {}: {cause}", .path.display())]
    File {
        /// The file
        path: PathBuf,
        /// The system's error
        cause: io::Error,
    },
    /// A line is not a public key.
    #[error(
        "{}, line {line}: expected an ed25519 public key in OpenSSH format, or a line of an allowed_signers file \
         without options but namespaces",
        .path.display()
    )]
    Line {
        /// The file
        path: PathBuf,
        /// The line number, from 1
        line: usize,
    },
    /// It names no key.
    #[error("{} names no key that may sign {namespace}", .path.display())]
    Empty {
        /// The file
        path: PathBuf,
        /// The purpose
        namespace: &'static str,
    },
}

impl TrustedSigners {
    /// Reads a public key, or an `allowed_signers` file of `ssh-keygen`, whose lines have the form
    /// `PRINCIPALS [namespaces="..."] KEY`. Keys for other namespaces are left out.
    pub fn read(path: &Path, namespace: &'static str) -> Result<Self, TrustedSignersError> {
        let (text, _) = read_text(path)
            .map_err(|cause| TrustedSignersError::File { path: path.to_owned(), cause })?;
        let mut keys = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || TrustedSignersError::Line { path: path.to_owned(), line: number };
            let start = line.find("ssh-ed25519 ").ok_or_else(wrong)?;
            let key = PublicSigner::parse(&line[start..]).ok_or_else(wrong)?;
            let words: Vec<_> = line[..start].split_whitespace().collect();
            match words[..] {
                [] | [_] => keys.push(key),
                [_, options] => {
                    let allowed = namespaces(options).ok_or_else(wrong)?;
                    keys.extend(allowed.split(',').any(|one| one == namespace).then_some(key));
                }
                _ => return Err(wrong()),
            }
        }
        if keys.is_empty() {
            return Err(TrustedSignersError::Empty { path: path.to_owned(), namespace });
        }
        Ok(Self { path: path.to_owned(), keys })
    }

    /// Returns a sentence if a key is not among them.
    pub fn refuse(&self, signer: &PublicSigner) -> Option<String> {
        (!self.keys.contains(signer)).then(|| {
            format!(
                "it is signed by {}, which is not a key of {}",
                signer.fingerprint(),
                self.path.display()
            )
        })
    }

    /// The file that names them.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The list in `namespaces="..."`.
fn namespaces(option: &str) -> Option<&str> {
    option.strip_prefix("namespaces=\"")?.strip_suffix('"')
}

/// Reads a small text file, and its permissions.
fn read_text(path: &Path) -> io::Result<(String, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), mode))
}

/// Whether a text is a public key of any type.
fn is_public_key(text: &str) -> bool {
    let kinds =
        ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-", "-----BEGIN PUBLIC KEY", "---- BEGIN SSH2"];
    kinds.into_iter().any(|kind| text.trim_start().starts_with(kind))
}

#[cfg(test)]
mod tests;
