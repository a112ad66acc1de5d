//! A signature as the API, the store and reports carry it: SSHSIG, which `ssh-keygen -Y verify` accepts.
//!
//! The signed text is part of it, so that a reader needs to compute nothing in order to check the signature. That the text
//! is the right one is for the owner of the text to check, such as `Rankings::check`.

use serde::{Deserialize, Serialize};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, SshSig};

/// The version of the format.
const VERSION: u32 = 1;

/// A signed text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct SshSignature {
    /// The signer's public key in OpenSSH format, without a comment.
    pub public_key: String,
    /// The text that is signed.
    pub statement: String,
    /// The signature, as `ssh-keygen -Y sign` writes it.
    pub armor: String,
}

/// A key that signatures are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicSigner(PublicKey);

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The public key is not an ed25519 key in OpenSSH format.
    #[error("its public key is not an ed25519 key in OpenSSH format without a comment")]
    PublicKey,
    /// The signature is not SSHSIG.
    #[error("it is not an SSH signature as 'ssh-keygen -Y sign' writes it")]
    Armor,
    /// Another key made it.
    #[error("it was made with another key than the public key next to it")]
    OtherKey,
    /// It is of another text, or for another purpose.
    #[error("it is not a signature of its statement")]
    Statement,
}

impl SshSignature {
    /// Checks the signature, and returns the key that it was made with. The namespace says what is signed, so that a
    /// signature for one purpose is worth nothing for another.
    pub fn signer(&self, namespace: &str) -> Result<PublicSigner, SignatureError> {
        let signer = PublicSigner::parse(&self.public_key).ok_or(SignatureError::PublicKey)?;
        if signer.to_openssh() != self.public_key {
            return Err(SignatureError::PublicKey);
        }
        let signature = SshSig::from_pem(&self.armor).map_err(|_| SignatureError::Armor)?;
        // `ssh-keygen` accepts no other version either.
        let is_canonical = signature.to_pem(LineEnding::LF).ok().as_ref() == Some(&self.armor);
        if signature.version() != VERSION || !is_canonical {
            return Err(SignatureError::Armor);
        }
        if signature.public_key() != signer.0.key_data() {
            return Err(SignatureError::OtherKey);
        }
        let verified = signer.0.verify(namespace, self.statement.as_bytes(), &signature);
        verified.map_err(|_| SignatureError::Statement)?;
        Ok(signer)
    }
}

impl PublicSigner {
    /// Parses an ed25519 key in OpenSSH format; its comment is left out.
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = PublicKey::from_openssh(text.trim()).ok()?;
        key.set_comment("");
        (key.algorithm() == Algorithm::Ed25519).then_some(Self(key))
    }

    /// The public part of a private key.
    pub(crate) fn new(mut key: PublicKey) -> Self {
        key.set_comment("");
        Self(key)
    }

    /// The key in OpenSSH format.
    pub fn to_openssh(&self) -> String {
        self.0.to_openssh().expect("a public key can be written")
    }

    /// The key's fingerprint, as `ssh-keygen -l` prints it: `SHA256:...`.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}
