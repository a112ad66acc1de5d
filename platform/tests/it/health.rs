//! `/healthz` fails when no upload could be stored.

use std::fs;
use std::sync::Arc;

use platform::server::Settings;
use platform::store::Store;

use crate::support::faulty::{EIO, ENOSPC, FaultyDisk};
use crate::support::{TestServer, check_problem};

#[tokio::test]
async fn health_follows_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let store = Store::open_on(directory.path(), disk.clone()).unwrap();
    // Each server keeps its first result for some seconds.
    let health = async || {
        let server = TestServer::on(store.clone(), Settings::default()).await;
        let first = server.get("/healthz").await;
        let second = server.get("/healthz").await;
        assert_eq!(first.status(), second.status());
        first
    };
    assert_eq!(health().await.status(), 200);
    for (operation, error) in [(0, ENOSPC), (1, EIO)] {
        disk.arm(operation, error);
        let problem = check_problem(health().await, 503, "the store cannot be written").await;
        assert_eq!(disk.disarm(), Some(["write", "sync"][operation]));
        assert!(!problem.detail.contains("versions"), "{}", problem.detail);
        assert_eq!(fs::read_dir(directory.path().join("versions")).unwrap().count(), 0);
    }
    assert_eq!(health().await.status(), 200);
}

#[tokio::test]
async fn store_that_lost_its_directory_is_not_healthy() {
    let server = TestServer::start().await;
    fs::remove_dir(server.store.root().join("versions")).unwrap();
    let response = server.get("/healthz").await;
    assert_eq!(response.headers()["retry-after"], "30");
    check_problem(response, 503, "the store cannot be written").await;
}
