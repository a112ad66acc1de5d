//! The Atom feed of rounds.

use platform::server::Settings;

use crate::support::{TestServer, VALIDATOR, rankings};

async fn feed(server: &TestServer) -> String {
    let response = server.get("/feed.atom").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/atom+xml; charset=utf-8");
    response.text().await.unwrap()
}

/// The texts of an element, in order.
fn texts<'a>(feed: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    feed.split(&*open).skip(1).filter_map(|rest| rest.split(&*close).next()).collect()
}

#[tokio::test]
async fn rounds_are_entries_with_ids_that_stay() {
    let server = TestServer::start().await;
    let empty = feed(&server).await;
    assert_eq!(texts(&empty, "updated"), ["1970-01-01T00:00:00Z"]);
    server.client.put_rankings(&rankings("one", "me"), VALIDATOR).await.unwrap();
    let first = feed(&server).await;
    let mut next = rankings("two", "you");
    next.round.previous = server.store.latest_closed(None).unwrap();
    server.store.put_rankings(&next).unwrap();
    let both = feed(&server).await;
    assert_eq!(
        texts(&both, "title")[1..],
        ["Round 20260110T000000Z-two (closed)", "Round 20260110T000000Z-one (closed)"]
    );
    assert_eq!(texts(&both, "summary")[0], "you is first of 1 agents on 1 tasks.");
    assert_eq!(texts(&both, "published")[0], "2026-01-10T00:00:00Z");
    assert_eq!(texts(&both, "updated")[0], "2026-01-10T00:01:00Z");
    // The feed and the first round keep their ids.
    let (ids, before) = (texts(&both, "id"), texts(&first, "id"));
    assert_eq!((ids[0], ids[2]), (before[0], before[1]));
    assert!(both.contains("href=\"/rounds/20260110T000000Z-two\""), "{both}");

    let settings =
        Settings { public_url: "https://arena.example/a".parse().unwrap(), ..Settings::default() };
    let moved = feed(&TestServer::on(server.store.clone(), settings).await).await;
    assert!(moved.contains("href=\"https://arena.example/a/feed.atom\""), "{moved}");
    assert_eq!(texts(&moved, "id")[1..], ids[1..]);
}

#[cfg(feature = "outside-tools")]
#[tokio::test(flavor = "multi_thread")]
async fn feed_is_well_formed_for_a_parser_of_xml() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    let server = TestServer::start().await;
    crate::support::rounds::put(&server.store);
    let program = "import sys, xml.etree.ElementTree as tree\n\
        atom = '{http://www.w3.org/2005/Atom}'\n\
        feed = tree.fromstring(sys.stdin.buffer.read())\n\
        assert feed.tag == atom + 'feed', feed.tag\n\
        for parent in [feed, *feed.iter(atom + 'entry')]:\n\
        \x20   for name in ['id', 'title', 'updated']:\n\
        \x20       assert len(parent.findall(atom + name)) == 1, name\n\
        \x20   assert all(link.get('href') and len(link) == 0 for link in parent.findall(atom + 'link'))\n\
        print(len(feed.findall(atom + 'entry')))\n";
    let python = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut python = python.expect("python3 runs");
    python.stdin.take().unwrap().write_all(feed(&server).await.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"3\n");
}
