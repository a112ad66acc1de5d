//! Uploads an agent, with the token that proves who owns its miner id.

use std::path::PathBuf;

use jiff::Timestamp;
use platform::MinerId;
use platform::api::{ProfileEdits, Receipt, SshSignature};
use platform::client::{AgentForm, Client, ClientError};
use serde::Serialize;
use tasks::Sha256;

use super::token::{TokenFile, TokenFileError};

/// An agent to upload.
#[derive(Clone, Debug)]
pub struct AgentUpload<'a> {
    /// Address of the platform.
    pub platform: &'a str,
    /// Who uploads it.
    pub miner: &'a MinerId,
    /// Its source.
    pub source: String,
    /// The miner's tokens.
    pub tokens: &'a TokenFile,
    /// What the miner says about itself.
    pub profile: &'a ProfileEdits,
}

/// An upload failed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The platform rejected it or cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The tokens cannot be read or written.
    #[error(transparent)]
    TokenFile(#[from] TokenFileError),
    /// The id belongs to another token.
    #[error(
        "the id '{miner}' is taken, and {} holds no token that owns it ({cause}); take another id with \
         --miner, or name the right file with --token-file",
        .token_file.display()
    )]
    NotOwner {
        /// The id.
        miner: MinerId,
        /// The file that was searched for a token.
        token_file: PathBuf,
        /// The platform's answer.
        cause: ClientError,
    },
}

impl AgentUpload<'_> {
    /// Sends the agent. A new token is on disk when this returns.
    ///
    /// Dropping the future after the request was sent can lose the token of a first upload: the platform may have
    /// accepted the agent, and it sends the token only once.
    pub async fn send(self) -> Result<Receipt, UploadError> {
        let Self { platform, miner, source, tokens, profile } = self;
        let client = Client::new(platform)?;
        let token = tokens.get(platform, miner)?;
        let form = AgentForm { miner_id: miner, source: source.into(), profile };
        let sent = client.upload_with(form, token.as_deref()).await;
        let receipt = sent.map_err(|cause| match cause.status().map(|status| status.as_u16()) {
            Some(401 | 403) => UploadError::NotOwner {
                miner: miner.clone(),
                token_file: tokens.path().to_owned(),
                cause,
            },
            _ => cause.into(),
        })?;
        if let Some(token) = &receipt.token {
            tokens.put(platform, miner, token)?;
        }
        Ok(receipt)
    }
}

/// A receipt without its token, which must not be printed.
#[derive(Clone, Debug, Serialize)]
pub struct PublicReceipt {
    /// Who uploaded the agent.
    pub miner_id: MinerId,
    /// Its version.
    pub version: u32,
    /// Its digest.
    pub sha256: Sha256,
    /// When it was accepted.
    pub uploaded_at: Timestamp,
    /// The platform's signature, if the platform signs receipts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SshSignature>,
}

impl From<&Receipt> for PublicReceipt {
    fn from(receipt: &Receipt) -> Self {
        let Receipt { miner_id, version, sha256, uploaded_at, signature, .. } = receipt.clone();
        Self { miner_id, version, sha256, uploaded_at, signature }
    }
}
