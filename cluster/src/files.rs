//! Files that workers need, such as sources of agents: objects whose names are their digests.
//!
//! They are written by the client library and read piece by piece with single requests, so that a worker needs no right
//! but that of reading.

use async_nats::jetstream::object_store::{InfoErrorKind, ObjectInfo, ObjectStore};
use async_nats::jetstream::stream::DirectGetErrorKind;
use harness::Fault;
use tasks::Sha256;

use crate::connection::NatsConnection;

/// The bucket of the round's files.
pub const FILES: &str = "arena-files";

/// Objects of a bucket.
#[derive(Clone)]
pub struct Files {
    connection: NatsConnection,
    bucket: ObjectStore,
    name: String,
}

impl Files {
    /// Opens a bucket that exists.
    pub async fn open(connection: &NatsConnection, name: &str) -> Result<Self, Fault> {
        let bucket = connection.jetstream.get_object_store(name).await;
        let bucket = bucket.map_err(|error| connection.failed("find the files", error))?;
        Ok(Self { connection: connection.clone(), bucket, name: name.to_owned() })
    }

    /// Stores a file under its digest, unless it is there.
    pub async fn put(&self, bytes: &[u8]) -> Result<Sha256, Fault> {
        let sha256 = Sha256::of(bytes);
        if self.info(sha256.as_str()).await?.is_none() {
            self.put_as(sha256.as_str(), bytes).await?;
        }
        Ok(sha256)
    }

    /// Stores an object under a name.
    pub async fn put_as(&self, name: &str, mut bytes: &[u8]) -> Result<(), Fault> {
        let stored = self.bucket.put(name, &mut bytes).await;
        stored.map(drop).map_err(|error| self.connection.failed("store a file", error))
    }

    /// Reads the file with this digest; `None` if it is missing or another one.
    pub async fn get(&self, sha256: &Sha256) -> Result<Option<Vec<u8>>, Fault> {
        let bytes = self.get_named(sha256.as_str()).await?;
        Ok(bytes.filter(|bytes| Sha256::of(bytes) == *sha256))
    }

    /// Reads an object; `None` if it is missing.
    pub async fn get_named(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        let Some(info) = self.info(name).await? else { return Ok(None) };
        let chunks = format!("$O.{}.C.{}", self.name, info.nuid);
        let (mut bytes, mut next) = (Vec::with_capacity(info.size), 0);
        for _ in 0..info.chunks {
            let chunk =
                self.bucket_stream().await?.direct_get_next_for_subject(&*chunks, Some(next)).await;
            match chunk {
                Ok(chunk) => {
                    next = chunk.sequence + 1;
                    bytes.extend_from_slice(&chunk.payload);
                }
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(self.connection.failed("read a file", error)),
            }
        }
        Ok(Some(bytes))
    }

    /// Removes an object.
    pub async fn delete(&self, name: &str) -> Result<(), Fault> {
        let deleted = self.bucket.delete(name).await;
        deleted.map_err(|error| self.connection.failed("remove a file", error))
    }

    async fn bucket_stream(&self) -> Result<async_nats::jetstream::stream::Stream<()>, Fault> {
        let name = format!("OBJ_{}", self.name);
        let stream = self.connection.jetstream.get_stream_no_info(name).await;
        stream.map_err(|error| self.connection.failed("find the files", error))
    }

    async fn info(&self, name: &str) -> Result<Option<ObjectInfo>, Fault> {
        match self.bucket.info(name).await {
            Ok(info) => Ok(Some(info).filter(|info| !info.deleted)),
            Err(error) if error.kind() == InfoErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.connection.failed("read a file", error)),
        }
    }
}
