//! A miner without Docker on the site, in a real browser: upload, round, reason, second upload, better rank. Run with
//! `--features outside-tools`; requires Docker for the validator, and Debian's `chromium` and `chromium-driver`.

#[path = "../../platform/tests/it/support/browser.rs"]
#[expect(dead_code, reason = "the tests of the platform use the rest")]
mod browser;

use std::fs;
use std::time::{Duration, Instant};

use browser::Browser;
use serde_json::json;

use crate::support::{REVERSER, TestPlatform};

/// An agent whose answer is wrong, and which complains about it.
const ECHO: &str =
    "import sys\nprint('def reverse_string(s): return s')\nsys.stderr.write('I give up\\n')\n";

/// An agent that is right for short texts only.
const SHORT: &str = "print('def reverse_string(s): return s[::-1] if len(s) < 9 else s')\n";

/// Fills in the form for submissions, and sends it.
async fn submit(browser: &Browser, agent: &str, token: &str) {
    browser.choose_file("submit-file", agent).await;
    let fill = format!(
        "document.getElementById('submit-id').value = 'me'; document.getElementById('submit-token').value = '{token}'"
    );
    browser.run(&fill).await;
    browser.click("#submit button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_learns_on_the_site_why_the_agent_failed_and_fixes_it() {
    let platform = TestPlatform::start().await;
    let root = platform.store.root().display().to_string();
    let agent = platform.directory().join("agent.py").display().to_string();
    let evaluate = async || {
        let args = ["evaluate", "--task", "reverse_string", "--publish-partial", "--store", &root];
        platform.arena(&args).await.check(0, &[]);
    };
    let rival = platform.directory().join("rival.py").display().to_string();
    fs::write(&rival, SHORT).unwrap();
    let browser = Browser::start(1280, 900, &[]).await;
    let text = "return document.querySelector('main').innerText";
    // A click returns before the page that it leads to is there.
    let shows = async |part: &str| {
        let limit = Instant::now() + Duration::from_secs(30);
        loop {
            let shown = browser.run(text).await;
            if shown.as_str().is_some_and(|shown| shown.contains(part)) {
                break;
            }
            assert!(Instant::now() < limit, "{part:?} is not in {shown}");
        }
    };

    browser.open(&platform.url).await;
    fs::write(&agent, ECHO).unwrap();
    submit(&browser, &agent, "").await;
    shows("Stored as version 1 of me").await;
    let token = browser.run("return document.getElementById('issued-token').innerText").await;
    let token = token.as_str().unwrap().trim().to_owned();
    platform.arena(&["upload", &rival, "--miner", "rival"]).await.check(0, &[]);
    browser.open(&format!("{}/agents/me", platform.url)).await;
    shows("Version 1, waiting since ").await;

    evaluate().await;
    browser.open(&platform.url).await;
    let ranks =
        "return [...document.querySelectorAll('#ranking tbody tr')].map(row => row.dataset.miner)";
    assert_eq!(browser.run(ranks).await, json!(["rival", "me"]));
    browser.click("#ranking tr[data-miner=me] a").await;
    shows("Version 1, judged in round ").await;
    shows("wrong answer").await;

    // A wrong token shows nothing of the reasons.
    let show_reasons = async |token: &str| {
        browser.open(&format!("{}/agents/me", platform.url)).await;
        browser.run(&format!("document.getElementById('token').value = '{token}'")).await;
        browser.click("#why button").await;
    };
    show_reasons("arena_0").await;
    shows("401").await;
    show_reasons(&token).await;
    shows("Why me has its score").await;
    shows("reverse_string('hello') returned 'hello', expected 'olleh'").await;
    browser.run("document.querySelectorAll('details').forEach(part => { part.open = true })").await;
    shows("I give up").await;

    fs::write(&agent, REVERSER).unwrap();
    browser.open(&platform.url).await;
    submit(&browser, &agent, &token).await;
    shows("Stored as version 2 of me").await;
    evaluate().await;
    browser.open(&format!("{}/agents/me", platform.url)).await;
    shows("Version 2, judged in round ").await;
    shows("Score\n100.00").await;
    browser.open(&platform.url).await;
    assert_eq!(browser.run(ranks).await, json!(["me", "rival"]));
    show_reasons(&token).await;
    shows("Every answer was accepted.").await;
    browser.quit().await;
}
