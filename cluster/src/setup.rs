//! Configuration and keys of a cluster: TLS, a key for each machine, and the rights of each key.

use std::fmt::Write as _;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::connection::inbox;
use crate::files::FILES;
use crate::identity::Identity;
use crate::streams::{BATCHES, STATE, WORKERS, large_bucket, own_consumer};
use crate::wire::alive;

/// The port of clients.
const CLIENT_PORT: u16 = 4222;
/// The port on which servers speak to each other.
const ROUTE_PORT: u16 = 6222;

/// A cluster to configure.
#[derive(Clone, Debug)]
pub struct ClusterSetup {
    /// The names or addresses of its servers: one, or three for a cluster that survives the loss of one
    pub hosts: Vec<String>,
    /// Workers that get a key
    pub workers: u32,
    /// Where servers keep messages, on their own file systems
    pub data: PathBuf,
    /// Whether servers write every message to the disk before they acknowledge it; needs nats-server 2.10
    pub durability: Durability,
}

/// What an acknowledged message survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the server's process. A machine that loses power loses up to two minutes, which run again
    Process,
    /// The loss of power
    Power,
}

/// A file of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupFile {
    /// Its name
    pub name: String,
    /// Its content
    pub text: String,
    /// Whether only its owner may read it
    pub secret: bool,
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make certificates for {hosts}: {cause}")]
pub struct SetupError {
    hosts: String,
    cause: rcgen::Error,
}

impl ClusterSetup {
    /// The files: one configuration per server, certificates, and a key per machine.
    pub fn files(&self) -> Result<Vec<SetupFile>, SetupError> {
        let open = |name: &str, text| SetupFile { name: name.to_owned(), text, secret: false };
        let secret = |name: &str, text| SetupFile { name: name.to_owned(), text, secret: true };
        let certificates = self.certificates();
        let Certificates { authority, server, server_key } =
            certificates.map_err(|cause| SetupError { hosts: self.hosts.join(", "), cause })?;
        let coordinator = Identity::random();
        let observer = Identity::random();
        let workers: Vec<_> = (0..self.workers).map(|_| Identity::random()).collect();
        let mut files = vec![
            open("ca.pem", authority),
            open("server.pem", server),
            secret("server-key.pem", server_key),
            open("users.conf", users(&coordinator, &observer, &workers)),
            secret("coordinator.nk", format!("{}\n", coordinator.seed())),
            secret("observer.nk", format!("{}\n", observer.seed())),
        ];
        for (number, worker) in workers.iter().enumerate() {
            files
                .push(secret(&format!("worker-{}.nk", number + 1), format!("{}\n", worker.seed())));
        }
        for host in &self.hosts {
            files.push(open(&format!("{}.conf", file_stem(host)), self.server(host)));
        }
        Ok(files)
    }

    fn certificates(&self) -> Result<Certificates, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, "arena cluster");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let mut names = self.hosts.clone();
        for local in ["localhost", "127.0.0.1", "::1"] {
            if !names.iter().any(|name| name == local) {
                names.push(local.to_owned());
            }
        }
        let mut server = CertificateParams::new(names)?;
        server.distinguished_name.push(DnType::CommonName, "arena NATS server");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Servers are clients of each other.
        server.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let server_key = KeyPair::generate()?;
        let server = server.signed_by(&server_key, &issuer)?;
        // The authority's private key is not kept: with it, a stranger could pose as a server.
        Ok(Certificates {
            authority: authority_pem,
            server: server.pem(),
            server_key: server_key.serialize_pem(),
        })
    }

    /// The configuration of one server.
    fn server(&self, host: &str) -> String {
        let mut text = format!(
            "# nats-server --config {stem}.conf, from the directory of this file\n\
             server_name: \"{host}\"\n\
             listen: \"0.0.0.0:{CLIENT_PORT}\"\n\
             # Records up to 1 MiB cross as messages, larger ones in pieces.\n\
             max_payload: 1MB\n\
             jetstream {{\n  store_dir: \"{data}\"\n  max_mem: 256MB\n  max_file: 64GB\n{sync}}}\n\
             tls {{\n  cert_file: \"server.pem\"\n  key_file: \"server-key.pem\"\n}}\n\
             authorization {{\n  include \"users.conf\"\n}}\n",
            stem = file_stem(host),
            data = self.data.display(),
            sync = match self.durability {
                Durability::Process => "",
                Durability::Power => "  sync_interval: always\n",
            },
        );
        if self.hosts.len() > 1 {
            let routes: Vec<_> =
                self.hosts.iter().map(|host| format!("\"tls://{host}:{ROUTE_PORT}\"")).collect();
            let _ = write!(
                text,
                "cluster {{\n  name: \"arena\"\n  listen: \"0.0.0.0:{ROUTE_PORT}\"\n  routes: [{}]\n  \
                 tls {{\n    cert_file: \"server.pem\"\n    key_file: \"server-key.pem\"\n    \
                 ca_file: \"ca.pem\"\n    verify: true\n  }}\n}}\n",
                routes.join(", ")
            );
        }
        text
    }
}

/// Certificates and the key of the servers, as PEM.
struct Certificates {
    authority: String,
    server: String,
    server_key: String,
}

/// The name of a host's configuration.
pub fn file_stem(host: &str) -> String {
    host.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.', "_")
}

/// The keys that servers know, and their rights.
fn users(coordinator: &Identity, observer: &Identity, workers: &[Identity]) -> String {
    let mut text = format!(
        "# A new worker: add its public key with the rights of another worker, and reload the servers.\n\
         users: [\n  # The coordinator\n  {{ nkey: {} }}\n",
        coordinator.id()
    );
    let mut user = |comment: &str, key: &Identity, publish: &[String], subscribe: &[String]| {
        let list = |subjects: &[String]| {
            subjects.iter().fold(String::new(), |mut text, subject| {
                let _ = write!(text, "\n        \"{subject}\"");
                text
            })
        };
        let _ = write!(
            text,
            "  # {comment}\n  {{ nkey: {}, permissions: {{\n      publish: {{ allow: [{}\n      ] }}\n      \
             subscribe: {{ allow: [{}\n      ] }}\n  }} }}\n",
            key.id(),
            list(publish),
            list(subscribe)
        );
    };
    user("An observer: 'arena round status'", observer, &observer_rights(), &[inboxes(observer)]);
    for (number, worker) in workers.iter().enumerate() {
        let comment = format!("Worker {}", number + 1);
        user(&comment, worker, &worker_rights(worker), &[inboxes(worker)]);
    }
    text.push_str("]\n");
    text
}

fn inboxes(key: &Identity) -> String {
    format!("{}.>", inbox(key))
}

/// What an observer may publish: questions.
fn observer_rights() -> Vec<String> {
    [
        "$JS.API.STREAM.INFO.*".to_owned(),
        "$JS.API.CONSUMER.INFO.*.*".to_owned(),
        format!("$JS.API.DIRECT.GET.KV_{STATE}"),
        format!("$JS.API.DIRECT.GET.KV_{STATE}.>"),
    ]
    .into()
}

/// What a worker may publish: its results, signs of life, and requests that change nothing but its own batches.
fn worker_rights(key: &Identity) -> Vec<String> {
    let id = key.id();
    let (own, large) = (own_consumer(id), large_bucket(id));
    let mut rights = vec![
        format!("result.{id}.*"),
        alive(id),
        format!("$O.{large}.>"),
        format!("$JS.API.CONSUMER.INFO.{BATCHES}.{WORKERS}"),
    ];
    for consumer in [WORKERS, &own] {
        rights.push(format!("$JS.API.CONSUMER.MSG.NEXT.{BATCHES}.{consumer}"));
        rights.push(format!("$JS.ACK.{BATCHES}.{consumer}.>"));
    }
    for stream in [format!("KV_{STATE}"), format!("OBJ_{FILES}"), format!("OBJ_{large}")] {
        rights.push(format!("$JS.API.STREAM.INFO.{stream}"));
        rights.push(format!("$JS.API.DIRECT.GET.{stream}"));
        rights.push(format!("$JS.API.DIRECT.GET.{stream}.>"));
    }
    rights
}
