//! A file that takes long to read holds up who asks for it, and no one else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::Response;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{TestServer, rounds};

/// How long a page may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

/// A file whose readers wait until it is written.
struct SlowFile(PathBuf);

impl SlowFile {
    fn at(path: PathBuf) -> Self {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success(), "{}", path.display());
        Self(path)
    }

    /// Returns as soon as a reader has opened the file. Once the result is dropped, the file is empty for that reader.
    async fn reader(&self) -> File {
        let open = File::options().write(true).clone();
        let path = self.0.clone();
        tokio::task::spawn_blocking(move || open.open(path).unwrap()).await.unwrap()
    }
}

/// Asks for a page in a task of its own.
fn ask(server: &TestServer, path: &str) -> JoinHandle<Response> {
    let request = server.http.get(format!("{}{path}", server.url)).header("accept", "text/html");
    tokio::spawn(async move { request.send().await.unwrap() })
}

async fn check_ok(server: &TestServer, path: &str) {
    let answer = timeout(LONGEST, ask(server, path)).await;
    assert_eq!(answer.expect("it waited for another page's file").unwrap().status(), 200, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn older_round_does_not_wait_for_another() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    let late = "20260104T000000Z-00000001";
    let slow = SlowFile::at(server.store.root().join(format!("rounds/{late}.json")));
    let waiting = ask(&server, &format!("/rounds/{late}"));
    let reader = slow.reader().await;
    check_ok(&server, "/rounds/20260101T000000Z-00000001").await;
    drop(reader);
    assert_eq!(waiting.await.unwrap().status(), 503, "an empty file holds no ranking");
}

#[tokio::test(flavor = "multi_thread")]
async fn task_page_does_not_wait_for_the_trials_of_the_round_before() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    let trials = Path::new("trials/20260103T000000Z-00000001/good.json");
    let slow = SlowFile::at(server.store.root().join(trials));
    let waiting = ask(&server, "/tasks/two_sum");
    let reader = slow.reader().await;
    let mut next = server.store.rankings().unwrap().unwrap();
    next.round.id = "20260104T000000Z-00000001".to_owned();
    server.store.put_rankings(&next).unwrap();
    check_ok(&server, "/tasks/two_sum").await;
    drop(reader);
    assert_eq!(waiting.await.unwrap().status(), 200);
}
