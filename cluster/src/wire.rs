//! What crosses the server, and the names of subjects.
//!
//! Every message states [`WIRE_VERSION`]; another version is refused before anything else is read.

use std::fmt::Write as _;

use harness::trial::place::TrialPlace;
use platform::MinerId;
use serde::{Deserialize, Serialize};
use tasks::{Seed, Sha256, TaskId};

use crate::identity::{Identity, WorkerId};

/// The version of these messages. A worker of another one takes no work.
pub const WIRE_VERSION: u32 = 1;

/// Everything that a worker needs to know of a round, apart from the sources of its agents. It is stored under its
/// digest, and contains the seed: with it, all hidden cases can be computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundSpec {
    /// [`WIRE_VERSION`]
    pub wire: u32,
    /// The protocol version of the sandbox's driver
    pub protocol: u32,
    /// The round
    pub round: String,
    /// The key of the image that agents run in
    pub image: String,
    /// Whether packages of the image can be imported
    pub site_packages: bool,
    /// The round's seed
    pub seed: Seed,
    /// The tasks, in the order of the round
    pub tasks: Vec<SpecTask>,
    /// The benchmark in place of the built-in tasks
    pub benchmark: Option<SpecFile>,
    /// The file of private tasks
    pub private: Option<SpecFile>,
    /// Memory of a container in bytes, if not the standard limit
    pub memory_bytes: Option<u64>,
    /// How long a counterexample may be searched for, in milliseconds
    pub shrinking_ms: u64,
}

impl RoundSpec {
    /// The document, and its digest.
    pub fn document(&self) -> (Vec<u8>, Sha256) {
        let bytes = serde_json::to_vec(self).expect("a specification is plain data");
        let digest = Sha256::of(&bytes);
        (bytes, digest)
    }

    /// What is announced of the round while it goes on.
    pub fn announcement(&self) -> Announcement {
        Announcement {
            wire: self.wire,
            protocol: self.protocol,
            image: self.image.clone(),
            round: self.round.clone(),
            spec: self.document().1,
            void: Vec::new(),
            over: false,
        }
    }
}

/// A task of a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecTask {
    /// Its id
    pub id: TaskId,
    /// The digest of everything that decides a verdict, as its trials' keys contain it
    pub digest: Sha256,
}

/// A benchmark's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecFile {
    /// Its format, as `--benchmark` takes it
    pub format: String,
    /// Its content
    pub sha256: Sha256,
}

/// What the coordinator announces under [`ROUND_KEY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// [`WIRE_VERSION`]
    pub wire: u32,
    /// The protocol version of the sandbox's driver
    pub protocol: u32,
    /// The key of the image
    pub image: String,
    /// The round
    pub round: String,
    /// The digest of its [`RoundSpec`]
    pub spec: Sha256,
    /// Workers whose records are void
    pub void: Vec<WorkerId>,
    /// Whether the round is over
    pub over: bool,
}

/// Trials of one agent, as a message of the batch stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMessage {
    /// [`WIRE_VERSION`]
    pub wire: u32,
    /// The digest of the [`RoundSpec`]
    pub spec: Sha256,
    /// The agent's miner
    pub miner_id: MinerId,
    /// The agent's source, which is stored under this digest
    pub agent_sha256: Sha256,
    /// Its trials
    pub trials: Vec<PlaceMessage>,
    /// How often these trials were published before
    pub generation: u32,
    /// A number of this batch alone. The same trials published once more must be another batch: for two minutes, a server
    /// drops a message with a known name.
    pub number: u64,
    /// The worker that is to run them, if not any
    pub only: Option<WorkerId>,
}

/// A trial of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceMessage(pub usize, pub u32);

impl From<TrialPlace> for PlaceMessage {
    fn from(TrialPlace { task, repetition }: TrialPlace) -> Self {
        Self(task, repetition)
    }
}

impl From<PlaceMessage> for TrialPlace {
    fn from(PlaceMessage(task, repetition): PlaceMessage) -> Self {
        Self { task, repetition }
    }
}

impl BatchMessage {
    /// The key of the batch: the digest of everything in it.
    pub fn key(&self) -> Sha256 {
        Sha256::of(&self.document())
    }

    /// The message's payload.
    pub fn document(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a batch is plain data")
    }

    /// The subject on which it is published.
    pub fn subject(&self) -> String {
        let (spec, agent, key) = (self.spec.short(), &self.agent_sha256, self.key());
        match &self.only {
            None => format!("{ANY}.{spec}.{agent}.{key}"),
            Some(worker) => format!("{ONLY}.{worker}.{spec}.{agent}.{key}"),
        }
    }
}

/// Subjects of batches for any worker: `batch.any.SPEC.AGENT.KEY`.
pub const ANY: &str = "batch.any";
/// Subjects of batches for one worker: `batch.only.WORKER.SPEC.AGENT.KEY`.
pub const ONLY: &str = "batch.only";
/// Key of the [`Announcement`].
pub const ROUND_KEY: &str = "round";
/// Key of the status that the coordinator writes.
pub const STATUS_KEY: &str = "status";
/// Header with the version of the message.
pub const WIRE_HEADER: &str = "Arena-Wire";
/// Header that says what a result is: `record` or `fault`.
pub const KIND_HEADER: &str = "Arena-Kind";
/// Header with the key of the batch that a result belongs to.
pub const BATCH_HEADER: &str = "Arena-Batch";
/// Header with the signature of a result, in hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "Arena-Signature";
/// Header with the name of the object that holds a result too large for a message.
pub const OBJECT_HEADER: &str = "Arena-Object";

/// What a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// A trial record
    Record,
    /// The fault that a trial ended in
    Fault,
}

impl ResultKind {
    /// Its name in [`KIND_HEADER`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Fault => "fault",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Record, Self::Fault].into_iter().find(|kind| kind.name() == name)
    }
}

/// The end of a trial on a worker: what is signed.
#[derive(Clone, Copy, Debug)]
pub struct SignedResult<'a> {
    /// The key of the trial
    pub key: &'a Sha256,
    /// The key of the batch
    pub batch: &'a Sha256,
    /// What it is
    pub kind: ResultKind,
    /// The record as JSON, or the text of the fault
    pub payload: &'a [u8],
}

impl SignedResult<'_> {
    /// The subject on which a worker publishes it.
    pub fn subject(&self, worker: &WorkerId) -> String {
        format!("result.{worker}.{}", self.key)
    }

    fn statement(&self) -> Vec<u8> {
        let Self { key, batch, kind, payload } = self;
        let head = format!("arena result {WIRE_VERSION}\n{key}\n{batch}\n{}\n", kind.name());
        [head.as_bytes(), payload].concat()
    }

    /// The signature of a worker, in hexadecimal digits.
    pub fn sign(&self, identity: &Identity) -> String {
        let signature = identity.sign(&self.statement());
        signature.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns whether this is the signature of the worker.
    pub fn is_signed_by(&self, worker: &WorkerId, signature: &str) -> bool {
        let bytes: Option<Vec<u8>> = signature
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        bytes.is_some_and(|bytes| worker.has_signed(&self.statement(), &bytes))
    }
}

/// What a worker publishes about itself on `alive.WORKER`, every few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The machine's name
    pub host: String,
    /// Containers at work at the same time
    pub jobs: usize,
    /// Batches that it holds
    pub running: usize,
    /// Why it takes no work, if it takes none
    pub refuses: Option<String>,
}

/// The subject of a worker's heartbeats.
pub fn alive(worker: &WorkerId) -> String {
    format!("alive.{worker}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_key_batch_kind_and_payload() {
        let identity = Identity::random();
        let (key, batch) = (Sha256::of(b"key"), Sha256::of(b"batch"));
        let result =
            SignedResult { key: &key, batch: &batch, kind: ResultKind::Record, payload: b"{}" };
        let signature = result.sign(&identity);
        assert!(result.is_signed_by(identity.id(), &signature));
        let other = Sha256::of(b"other");
        for forged in [
            SignedResult { key: &other, ..result },
            SignedResult { batch: &other, ..result },
            SignedResult { kind: ResultKind::Fault, ..result },
            SignedResult { payload: b"[]", ..result },
        ] {
            assert!(!forged.is_signed_by(identity.id(), &signature), "{forged:?}");
        }
        for signature in ["", "zz", "é", &signature[2..]] {
            assert!(!result.is_signed_by(identity.id(), signature), "{signature}");
        }
        assert!(!result.is_signed_by(Identity::random().id(), &signature));
    }

    #[test]
    fn batches_with_other_trials_generations_numbers_or_workers_have_other_keys() {
        let batch = BatchMessage {
            wire: WIRE_VERSION,
            spec: Sha256::of(b"spec"),
            miner_id: "alice".parse().unwrap(),
            agent_sha256: Sha256::of(b"agent"),
            trials: vec![PlaceMessage(0, 1)],
            generation: 0,
            number: 1,
            only: None,
        };
        let others = [
            BatchMessage { generation: 1, ..batch.clone() },
            BatchMessage { number: 2, ..batch.clone() },
            BatchMessage { trials: vec![PlaceMessage(0, 2)], ..batch.clone() },
            BatchMessage { only: Some(Identity::random().id().clone()), ..batch.clone() },
        ];
        for other in others {
            assert_ne!(other.key(), batch.key());
        }
        let read: BatchMessage = serde_json::from_slice(&batch.document()).unwrap();
        assert_eq!(read, batch);
    }
}
