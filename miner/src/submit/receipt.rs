//! Receipts of uploads that a platform signed: kept next to the tokens, one file per version.

use std::fs;
use std::io;
use std::path::PathBuf;

use platform::api::Receipt;
use platform::store::{StoreError, write_atomically};
use tasks::Sha256;

use super::token::TokenFile;

/// A signed receipt is not kept.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Its signature does not hold.
    #[error("the receipt of {platform} is worth nothing: {reason}")]
    Unsound {
        /// The platform
        platform: String,
        /// What is wrong with it
        reason: String,
    },
    /// Its directory cannot be created.
    #[error("cannot create {}: {cause}", .path.display())]
    Directory {
        /// The directory
        path: PathBuf,
        /// The system's error
        cause: io::Error,
    },
    /// Its file cannot be written.
    #[error(transparent)]
    Write(#[from] StoreError),
}

/// Keeps the signed receipt for a source next to the tokens, and returns its file. Returns `None` if the platform does not
/// sign.
pub fn keep(
    tokens: &TokenFile,
    platform: &str,
    receipt: &Receipt,
    source: &str,
) -> Result<Option<PathBuf>, ReceiptError> {
    let Some(signed) = receipt.signed() else { return Ok(None) };
    let unsound = |reason| ReceiptError::Unsound { platform: platform.to_owned(), reason };
    signed.signer().map_err(unsound)?;
    if signed.sha256 != Sha256::of(source.as_bytes()) {
        return Err(unsound("it is of another source than the one that was sent".to_owned()));
    }
    let path = tokens.path().with_file_name("receipts").join(directory_name(platform));
    fs::create_dir_all(&path)
        .map_err(|cause| ReceiptError::Directory { path: path.clone(), cause })?;
    let path = path.join(format!("{}-{}.json", signed.miner_id, signed.version));
    let mut json = serde_json::to_vec_pretty(&signed).expect("a receipt is plain data");
    json.push(b'\n');
    write_atomically(&path, &json)?;
    Ok(Some(path))
}

/// The address of a platform as the name of a directory: `http://127.0.0.1:7878` as `127.0.0.1_7878`.
fn directory_name(platform: &str) -> String {
    let address = platform.split_once("://").map_or(platform, |(_, rest)| rest);
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' };
    let name: String = address.trim_end_matches('/').chars().map(plain).collect();
    // Two dots are not the name of a new directory.
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use platform::api::{RECEIPT_NAMESPACE, SignedReceipt};
    use platform::signing::SigningKey;

    use super::*;

    fn receipt() -> Receipt {
        let mut receipt = Receipt {
            miner_id: "me".parse().unwrap(),
            version: 3,
            sha256: Sha256::of(b"print(1)"),
            uploaded_at: Timestamp::UNIX_EPOCH,
            token: Some("arena_secret".to_owned()),
            unchanged: false,
            signature: None,
        };
        let key = SigningKey::of_seed(&[7; 32]);
        receipt.signature = Some(key.sign(RECEIPT_NAMESPACE, receipt.statement()));
        receipt
    }

    #[test]
    fn keeps_a_sound_receipt_next_to_the_tokens_and_without_the_token() {
        let directory = tempfile::tempdir().unwrap();
        let tokens = TokenFile::at(Some(directory.path().join("tokens.json"))).unwrap();
        let keep =
            |receipt: &Receipt, source| keep(&tokens, "https://a.example:1/", receipt, source);
        let path = keep(&receipt(), "print(1)").unwrap().unwrap();
        assert_eq!(path, directory.path().join("receipts/a.example_1/me-3.json"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let kept: SignedReceipt = serde_json::from_str(&text).unwrap();
        assert!(kept.signer().is_ok());

        fs::remove_file(&path).unwrap();
        assert_eq!(keep(&Receipt { signature: None, ..receipt() }, "print(1)").unwrap(), None);
        let error = keep(&receipt(), "print(2)").unwrap_err().to_string();
        assert!(error.contains("of another source"), "{error}");
        let other = Receipt { version: 4, ..receipt() };
        let error = keep(&other, "print(1)").unwrap_err().to_string();
        assert!(error.contains("of another upload"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn every_address_names_a_directory() {
        for (address, name) in [
            ("http://127.0.0.1:7878", "127.0.0.1_7878"),
            ("https://a.example/arena/", "a.example_arena"),
            ("http://[::1]:80", "___1__80"),
            ("http://../..", "_.."),
        ] {
            assert_eq!(directory_name(address), name);
        }
    }
}
