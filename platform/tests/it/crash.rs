//! kill -9 at 200 random moments under concurrent uploads, to two servers on one store: every acknowledged
//! upload is there and whole, nothing is half visible, and the next start leaves no unfinished file.
//!
//! A server process is this test binary again: it runs [`server_process`] alone.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use platform::MinerId;
use platform::client::Client;
use platform::server::{Settings, serve};
use platform::store::Store;
use tasks::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::faulty::unfinished;

/// How often both servers are killed, one after the other.
const KILLS: usize = 100;
const SERVERS: usize = 2;
/// Clients of each server. Each client of one server shares its ids with a client of the other.
const CLIENTS: usize = 3;

/// How a server process gets its settings.
const STORE: &str = "CRASH_TEST_STORE";
const ADDRESS: &str = "CRASH_TEST_ADDRESS";
const LISTENING: &str = "listening on ";

/// What a client and its companions know for certain.
#[derive(Default)]
struct ClientKnowledge {
    /// The id that it owns at present, and its token.
    owned: Option<(MinerId, String)>,
    /// The digest of every acknowledged version.
    acknowledged: HashMap<(MinerId, u32), Sha256>,
    ids_tried: usize,
}

/// A server in a process of its own.
struct ServerProcess {
    process: Child,
    address: String,
}

impl ServerProcess {
    fn start(store: &Path, address: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::server_process", "--ignored", "--nocapture"])
            .env(STORE, store)
            .env(ADDRESS, address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().split_once(LISTENING).map(|(_, at)| at.to_owned()))
            .expect("the server prints its address");
        Self { process, address }
    }

    /// Sends SIGKILL.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A failed test leaves no server behind.
impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves a store until it is killed. Does nothing unless the crash test starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the crash test starts it as a process"]
async fn server_process() {
    let (Some(root), Ok(address)) = (std::env::var_os(STORE), std::env::var(ADDRESS)) else {
        return;
    };
    let store = Store::open(PathBuf::from(root)).unwrap();
    let listener = TcpListener::bind(&address).await.unwrap();
    println!("{LISTENING}{}", listener.local_addr().unwrap());
    let settings = Settings { quotas: None, ..Settings::default() };
    serve(listener, store, settings, std::future::pending()).await.unwrap();
}

/// Uploads as fast as it can until the server is gone.
async fn upload_until_killed(
    client: Client,
    number: usize,
    known: Arc<Mutex<ClientKnowledge>>,
    acknowledged: UnboundedSender<()>,
) {
    loop {
        let (miner_id, token) = {
            let mut known = known.lock().unwrap();
            if let Some((miner_id, token)) = known.owned.clone() {
                (miner_id, Some(token))
            } else {
                known.ids_tried += 1;
                (format!("client{number}-{}", known.ids_tried).parse().unwrap(), None)
            }
        };
        // Some sources fit into one page of memory, some need many.
        let size = if rand::random() { 10 } else { 100_000 };
        let source = format!("x = {}\n#{}\n", rand::random::<u64>(), "-".repeat(size));
        let uploaded = client.upload(&miner_id, source.clone(), token.as_deref()).await;
        let mut known = known.lock().unwrap();
        match uploaded {
            Ok(receipt) => {
                assert_eq!(receipt.sha256, Sha256::of(source.as_bytes()));
                let version = (miner_id.clone(), receipt.version);
                let before = known.acknowledged.insert(version, receipt.sha256);
                assert_eq!(before, None, "two uploads became one version");
                let _ = acknowledged.send(());
                if let Some(token) = receipt.token {
                    known.owned = Some((miner_id, token));
                }
                // Start over now and then, because first uploads are a case of their own.
                if rand::random_ratio(1, 8) {
                    known.owned = None;
                }
            }
            Err(error) => {
                assert_eq!(error.status(), None, "{error}");
                // It is unknown whether it was stored. A first upload's token is lost with its response.
                return;
            }
        }
    }
}

/// Checks that every acknowledged version is there, and that everything that is there is whole. Sources in
/// `checked` were read before and only their sizes are compared: reading all of them each time would take
/// minutes.
fn check(root: &Path, known: &[Arc<Mutex<ClientKnowledge>>], checked: &mut HashSet<Sha256>) {
    assert_eq!(unfinished(root), [""; 0]);
    let store = Store::open(root).unwrap();
    let listing = store.agents().unwrap();
    assert_eq!(listing.damaged, [""; 0]);
    let mut stored = HashMap::new();
    for meta in listing.agents {
        let copy = root.join(format!("agents/{}.py", meta.miner_id));
        if checked.insert(meta.sha256.clone()) {
            let source = store.source(&meta).unwrap();
            assert_eq!(source.len() as u64, meta.size);
            assert_eq!(std::fs::read_to_string(copy).unwrap(), source);
        } else {
            assert_eq!(std::fs::metadata(copy).unwrap().len(), meta.size);
        }
        for earlier in meta.history {
            stored.insert((meta.miner_id.clone(), earlier.version), earlier.sha256);
        }
        stored.insert((meta.miner_id, meta.version), meta.sha256);
    }
    for known in known {
        for (version, sha256) in &known.lock().unwrap().acknowledged {
            assert_eq!(stored.get(version), Some(sha256), "{version:?} was acknowledged");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_upload_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let known: Vec<Arc<Mutex<ClientKnowledge>>> = (0..CLIENTS).map(|_| Arc::default()).collect();
    // The addresses stay the same, so that one client serves for all: creating one takes longer than most
    // servers live here.
    let start = |address: &str| ServerProcess::start(directory.path(), address);
    let first = [(); SERVERS].map(|()| start("127.0.0.1:0"));
    let platforms = first.map(|server| {
        let address = server.address.clone();
        let client = Client::new(&format!("http://{address}")).unwrap();
        server.kill();
        (address, client)
    });
    let mut checked = HashSet::new();
    for _ in 0..KILLS {
        let servers = platforms.each_ref().map(|(address, _)| start(address));
        check(directory.path(), &known, &mut checked);
        let (acknowledge, mut acknowledged) = unbounded_channel();
        let mut uploads = Vec::new();
        for (_, client) in &platforms {
            for (number, known) in known.iter().enumerate() {
                let (client, known) = (client.clone(), known.clone());
                let upload = upload_until_killed(client, number, known, acknowledge.clone());
                uploads.push(tokio::spawn(upload));
            }
        }
        // When every uploader has ended, waiting for them has to end as well.
        drop(acknowledge);
        for server in servers {
            // Some uploads succeed, then comes the random moment.
            for _ in 0..rand::random_range(0..5) {
                if acknowledged.recv().await.is_none() {
                    break;
                }
            }
            let moment = rand::random_range(0..20_000);
            tokio::time::sleep(Duration::from_micros(moment)).await;
            server.kill();
        }
        for upload in uploads {
            upload.await.unwrap();
        }
    }
    Store::open(directory.path()).unwrap();
    check(directory.path(), &known, &mut HashSet::new());
    assert_eq!(Store::open(directory.path()).unwrap().fsck().unwrap(), []);
    let acknowledged: usize =
        known.iter().map(|known| known.lock().unwrap().acknowledged.len()).sum();
    println!("{acknowledged} uploads were acknowledged");
    assert!(acknowledged > KILLS * SERVERS, "only {acknowledged} uploads were acknowledged");
}
