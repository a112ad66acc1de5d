//! What the API says about stored agents. Never a source, and a token only in the answer that issues it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::Sha256;

use super::miner_id::MinerId;
use super::profile::{DisplayName, ProfileUrl};
use super::signature::{PublicSigner, SshSignature};

/// The maximum size of an agent, in bytes.
pub const MAX_SOURCE_BYTES: usize = 256 << 10;

/// What the signatures of receipts are for, in the terms of `ssh-keygen -Y verify -n`.
pub const RECEIPT_NAMESPACE: &str = "arena-receipt";

/// The header of an agent list that counts the agents left out because their metadata is damaged.
pub const DAMAGED_AGENTS: &str = "x-damaged-agents";

/// The public part of a stored agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "miner_id": "me", "version": 2, "size": 1234,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "program_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "uploaded_at": "2026-01-01T12:00:00Z"
}))))]
pub struct AgentView {
    /// The agent's owner.
    pub miner_id: MinerId,
    /// 1 for the first upload, incremented by each upload that changes the source.
    pub version: u32,
    /// The digest of the source.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha256,
    /// The digest of its program: equal for agents that differ in comments, blank lines and formatting alone. None if it
    /// was stored by an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub program_sha256: Option<Sha256>,
    /// The size of the source in bytes.
    pub size: u64,
    /// When this version was accepted.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub uploaded_at: Timestamp,
    /// A name to show next to the id, if the miner gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// The miner's web page, if the miner gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<ProfileUrl>,
    /// When the agent was withdrawn: it is neither listed nor judged, and its places in past rounds stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, format = DateTime))]
    pub withdrawn_at: Option<Timestamp>,
}

/// An agent with its earlier versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "miner_id": "me", "version": 2, "size": 1234,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "program_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "uploaded_at": "2026-01-01T12:00:00Z",
    "history": [{
        "version": 1, "size": 1200, "uploaded_at": "2026-01-01T11:00:00Z",
        "sha256": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
        "program_sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    }]
}))))]
pub struct AgentHistory {
    /// The current version.
    #[serde(flatten)]
    pub current: AgentView,
    /// The earlier versions, oldest first.
    pub history: Vec<AgentVersion>,
}

impl AgentHistory {
    /// Returns the latest version with this digest, with those before it; `None` if there is none.
    pub fn as_of(mut self, sha256: &Sha256) -> Option<Self> {
        if self.current.sha256 == *sha256 {
            return Some(self);
        }
        let at = self.history.iter().rposition(|version| version.sha256 == *sha256)?;
        self.history.truncate(at + 1);
        self.before()
    }

    /// Returns the agent as it was before the current version; `None` if that is the first.
    pub fn before(mut self) -> Option<Self> {
        let AgentVersion { version, sha256, program_sha256, size, uploaded_at } =
            self.history.pop()?;
        let current =
            AgentView { version, sha256, program_sha256, size, uploaded_at, ..self.current };
        Some(Self { current, history: self.history })
    }

    /// Returns when the miner first submitted the program of the current version, in any formatting.
    pub fn first_submitted_at(&self) -> Timestamp {
        let AgentView { sha256, program_sha256, .. } = &self.current;
        let current = program(program_sha256.as_ref(), sha256);
        let is_same = |version: &&AgentVersion| {
            program(version.program_sha256.as_ref(), &version.sha256) == current
        };
        let same = self.history.iter().filter(is_same).map(|version| version.uploaded_at);
        same.fold(self.current.uploaded_at, Timestamp::min)
    }
}

/// Returns what identifies an agent's program: the digest of its program, or, if that is not known, of its bytes.
pub fn program<'a>(program_sha256: Option<&'a Sha256>, sha256: &'a Sha256) -> &'a Sha256 {
    program_sha256.unwrap_or(sha256)
}

/// An earlier version of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct AgentVersion {
    /// 1 for the first upload.
    pub version: u32,
    /// The digest of the source.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha256,
    /// The digest of its program: equal for agents that differ in comments, blank lines and formatting alone. None if it
    /// was stored by an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub program_sha256: Option<Sha256>,
    /// The size of the source in bytes.
    pub size: u64,
    /// When it was accepted.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub uploaded_at: Timestamp,
}

/// The answer to an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "miner_id": "me", "version": 1, "token": "arena_5f1d",
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "uploaded_at": "2026-01-01T12:00:00Z"
}))))]
pub struct Receipt {
    /// The agent's owner.
    pub miner_id: MinerId,
    /// The version that is stored now.
    pub version: u32,
    /// The digest of the source.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha256,
    /// When this version was accepted.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub uploaded_at: Timestamp,
    /// The token that later uploads under this id must send. Issued once, with the first upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether the same bytes were already stored, so that nothing changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// The platform's signature of id, version, digest and time, if the platform has a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SshSignature>,
}

/// A receipt that its miner keeps: everyone who has the platform's public key can check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// The agent's owner.
    pub miner_id: MinerId,
    /// The version that was stored.
    pub version: u32,
    /// The digest of the source.
    pub sha256: Sha256,
    /// When it was accepted.
    pub uploaded_at: Timestamp,
    /// The platform's signature.
    pub signature: SshSignature,
}

impl Receipt {
    /// The text that the platform signs.
    pub fn statement(&self) -> String {
        receipt_statement(&self.miner_id, self.version, &self.sha256, self.uploaded_at)
    }

    /// The part of the receipt that is worth keeping, if the platform signed it.
    pub fn signed(&self) -> Option<SignedReceipt> {
        let Self { miner_id, version, sha256, uploaded_at, signature, .. } = self.clone();
        Some(SignedReceipt { miner_id, version, sha256, uploaded_at, signature: signature? })
    }
}

impl SignedReceipt {
    /// Checks that the signature is of this receipt, and returns the key that it was made with.
    pub fn signer(&self) -> Result<PublicSigner, String> {
        let Self { miner_id, version, sha256, uploaded_at, signature } = self;
        if signature.statement != receipt_statement(miner_id, *version, sha256, *uploaded_at) {
            return Err("the signature is of another upload".to_owned());
        }
        let signer = signature.signer(RECEIPT_NAMESPACE);
        signer.map_err(|error| format!("the signature does not hold: {error}"))
    }
}

fn receipt_statement(
    miner_id: &MinerId,
    version: u32,
    sha256: &Sha256,
    uploaded_at: Timestamp,
) -> String {
    format!(
        "arena upload of {miner_id}\nversion {version}\nsha256:{sha256}\nuploaded_at {uploaded_at}\n"
    )
}

/// A token that replaces an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({"miner_id": "me", "token": "arena_5f1d"}))))]
pub struct NewToken {
    /// The id that the token belongs to.
    pub miner_id: MinerId,
    /// The token that later uploads must send.
    pub token: String,
}
