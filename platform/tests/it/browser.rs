//! The leaderboard in a real browser: the script, the keyboard, accessibility, a phone and dark mode. Run with
//! `--features outside-tools`; requires Debian's `chromium` and `chromium-driver`, and `AXE_JS` with the path of
//! axe-core's `axe.min.js` (npm).

use std::time::{Duration, Instant};

use platform::api::ProgressState;
use serde_json::json;

use crate::live::{ROUND, progress};
use crate::support::browser::Browser;
use crate::support::{TestServer, rounds};

const PHONE: (u32, u32) = (360, 780);
const DESK: (u32, u32) = (1280, 900);
const DARK: &[&str] = &["--force-dark-mode", "--blink-settings=preferredColorScheme=0"];

async fn server() -> TestServer {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    server
}

#[tokio::test]
async fn typing_filters_and_updates_the_count() {
    let server = server().await;
    let browser = Browser::start(DESK.0, DESK.1, &[]).await;
    browser.open(&server.url).await;
    let shown = |table| {
        format!(
            "return [...document.querySelectorAll('#{table} tbody tr')]\
             .filter(row => row.getClientRects().length).map(row => row.dataset.miner)"
        )
    };
    assert_eq!(browser.run(&shown("ranking")).await.as_array().unwrap().len(), 5);
    browser.run("document.getElementById('q').focus()").await;
    browser.press("Climb").await;
    assert_eq!(browser.run(&shown("ranking")).await, json!(["climber"]));
    assert_eq!(browser.run(&shown("verdicts")).await, json!(["climber"]));
    let count = browser.run("return document.getElementById('count').textContent").await;
    assert_eq!(count, "1 of 5 agents");
    // Enter sends the form to the server, with the same result.
    browser.press("\u{e007}").await;
    assert_eq!(browser.run("return location.search").await, "?q=Climb&family=");
    assert_eq!(browser.run(&shown("ranking")).await, json!(["climber"]));
    browser.quit().await;
}

#[tokio::test]
async fn server_filters_without_javascript() {
    let server = server().await;
    let no_script: &[&str] = &["--blink-settings=scriptEnabled=false"];
    let browser = Browser::start(DESK.0, DESK.1, no_script).await;
    browser.open(&server.url).await;
    let shown = "return [...document.querySelectorAll('#ranking tbody tr')]\
                 .filter(row => row.getClientRects().length).map(row => row.dataset.miner)";
    assert_eq!(browser.run(shown).await.as_array().unwrap().len(), 5);
    let charts = "return document.querySelectorAll('#ranking svg.chart path').length";
    assert_eq!(browser.run(charts).await, 5);
    browser.run("document.getElementById('q').focus()").await;
    browser.press("Climb").await;
    assert_eq!(browser.run(shown).await.as_array().unwrap().len(), 5, "no script runs");
    browser.press("\u{e007}").await;
    assert_eq!(browser.run(shown).await, json!(["climber"]));
    keep("no-script", &browser.screenshot().await);
    browser.quit().await;
}

#[tokio::test]
async fn legend_filters_and_the_form_submits_without_a_script() {
    let server = server().await;
    let no_script: &[&str] = &["--blink-settings=scriptEnabled=false"];
    let browser = Browser::start(DESK.0, DESK.1, no_script).await;
    browser.open(&server.url).await;
    let shown = "return [...document.querySelectorAll('#verdicts tbody tr')]\
                 .filter(row => row.getClientRects().length).map(row => row.dataset.miner)";
    assert_eq!(browser.run(shown).await.as_array().unwrap().len(), 5);
    browser.click("#heat input[value=none]").await;
    assert_eq!(browser.run(shown).await, json!(["copy-cat"]));

    let directory = tempfile::tempdir().unwrap();
    let agent = directory.path().join("agent.py");
    std::fs::write(&agent, "print(1)\n").unwrap();
    browser.choose_file("submit-file", agent.to_str().unwrap()).await;
    browser.click("#submit-id").await;
    browser.press("newcomer\u{e007}").await;
    let token = "const e = document.getElementById('issued-token'); return e && e.innerText.trim()";
    let token = loop {
        let token = browser.run(token).await;
        if let Some(token) = token.as_str() {
            break token.to_owned();
        }
    };
    assert!(server.store.authorize(&"newcomer".parse().unwrap(), Some(&token)).is_ok());
    browser.quit().await;
}

#[tokio::test]
async fn hostile_text_does_nothing() {
    let server = server().await;
    let browser = Browser::start(DESK.0, DESK.1, &[]).await;
    let round = "/rounds/20260102T000000Z-00000001";
    for path in ["/", round, "/?q=%22%3E%3Cscript%3Edocument.title='owned'%3C/script%3E"] {
        browser.open(&format!("{}{path}", server.url)).await;
        assert_ne!(browser.run("return document.title").await, "owned");
        assert_eq!(browser.run("return document.images.length").await, 0);
        assert_eq!(browser.run("return document.scripts.length").await, 1);
    }
    // The content security policy would not run an injected script.
    browser
        .run(
            "const script = document.createElement('script'); script.textContent = \
             \"document.title='owned'\"; document.body.append(script)",
        )
        .await;
    assert_eq!(browser.run("return document.title").await, "Leaderboard · The arena");
    browser.quit().await;
}

#[tokio::test]
async fn keyboard_reaches_everything_with_a_visible_focus() {
    let server = server().await;
    let browser = Browser::start(DESK.0, DESK.1, &[]).await;
    browser.open(&server.url).await;
    let mut reached = Vec::new();
    for _ in 0..13 {
        browser.press("\u{e004}").await;
        let focus = "const e = document.activeElement; const style = getComputedStyle(e); \
                     return [e.id || e.className || e.textContent, style.outlineStyle]";
        let focus = browser.run(focus).await;
        assert_eq!(focus[1], "solid", "the focus on {focus} is not visible");
        reached.push(focus[0].as_str().unwrap().to_owned());
    }
    let expected = [
        "skip",
        "The arena",
        "Leaderboard",
        "Tasks",
        "Rounds",
        "API",
        "Submit",
        "20260103T000000Z-00000001",
        "8",
        "JSON",
        "CSV",
        "q",
        "family",
    ];
    assert_eq!(reached, expected);
    browser.quit().await;
}

#[tokio::test]
async fn phone_scrolls_the_table_and_not_the_page() {
    let server = TestServer::start().await;
    rounds::put_large(&server.store, 40);
    let browser = Browser::start(PHONE.0, PHONE.1, &[]).await;
    browser.open(&server.url).await;
    let wide = "const width = document.documentElement.clientWidth; \
                return [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, pre') \
                && !e.matches('.skip, .visually-hidden') && e.getBoundingClientRect().right > width)\
                .map(e => e.outerHTML)";
    assert_eq!(browser.run(wide).await, json!([]));
    let wider = "const e = document.documentElement; return e.scrollWidth > e.clientWidth";
    assert_eq!(browser.run(wider).await, false);
    let scrolled = "const e = document.querySelector('#verdicts').parentElement; e.scrollLeft = 1000; \
                  const place = cell => cell.getBoundingClientRect(); \
                  return [e.scrollLeft > 0, place(e.querySelector('tbody th')).left >= place(e).left]";
    assert_eq!(browser.run(scrolled).await, json!([true, true]), "the miner's name stays visible");
    let score =
        "return document.querySelector('#ranking td:nth-child(3)').getBoundingClientRect().right";
    assert!(browser.run(score).await.as_f64().unwrap() < f64::from(PHONE.0), "rank, miner, score");
    keep("phone", &browser.screenshot().await);
    browser.quit().await;
}

#[tokio::test]
async fn running_round_moves_on_the_page_without_a_reload() {
    let server = server().await;
    let put = |done, state| server.store.put_progress(&progress(done, state)).unwrap();
    for (look, (width, height)) in [("desk", DESK), ("phone", PHONE)] {
        let browser = Browser::start(width, height, &[]).await;
        for (name, path) in [("board", String::new()), ("round", format!("/rounds/{ROUND}"))] {
            // What the server read a moment before the round ran is used for half a second.
            put(12, ProgressState::Running);
            let starts = "return document.getElementById('live-text')?.textContent ?? ''";
            browser.open(&format!("{}{path}", server.url)).await;
            while !browser.run(starts).await.as_str().unwrap().contains("12 of 40 trials, 1 fault")
            {
                browser.open(&format!("{}{path}", server.url)).await;
            }
            // A variable of the page is gone after a reload.
            browser.run("window.isSamePage = true").await;
            put(30, ProgressState::Running);
            let moved = browser
                .run_async(
                    "const done = arguments[0]; const text = document.getElementById('live-text'); \
                     const look = () => { if (text.textContent.includes('30 of 40 trials, 1 fault')) \
                     done([document.getElementById('live-bar').value, window.isSamePage]); }; \
                     new MutationObserver(look).observe(text, {childList: true, characterData: true, subtree: true}); \
                     look()",
                )
                .await;
            assert_eq!(moved, json!([30, true]), "{look} {name}");
            keep(&format!("live-{name}-{look}"), &browser.screenshot().await);
            // At the end the page is loaded again, with what the round has become.
            put(40, ProgressState::Finished);
            let limit = Instant::now() + Duration::from_secs(30);
            let ended = "return document.getElementById('live') === null && window.isSamePage === undefined";
            while browser.run(ended).await != true {
                assert!(Instant::now() < limit, "{look} {name} still shows the round");
            }
        }
        browser.quit().await;
    }
}

#[tokio::test]
async fn axe_finds_no_violation_in_light_or_dark_mode() {
    let server = TestServer::start().await;
    rounds::put_with(&server.store, "33.3");
    server.upload("me", "print(1)\n").send().await.unwrap();
    let path = std::env::var("AXE_JS").expect("AXE_JS names axe-core's axe.min.js");
    let axe = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (look, extra) in [("light", &[][..]), ("dark", DARK)] {
        let browser = Browser::start(DESK.0, DESK.1, extra).await;
        let round = "/rounds/20260102T000000Z-00000001";
        let pages = [
            "/",
            "/?q=none",
            "/reference",
            "/tasks",
            "/tasks/two_sum",
            "/rounds",
            round,
            "/agents/me",
            "/none",
        ];
        for path in pages {
            browser.open(&format!("{}{path}", server.url)).await;
            let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
            assert_eq!(browser.run(dark).await, look == "dark");
            browser.run(&axe).await;
            let found = browser
                .run_async(
                    "const done = arguments[arguments.length - 1]; axe.run().then(found => \
                     done(found.violations.map(v => [v.id, v.nodes.map(n => n.html + n.failureSummary)])))",
                )
                .await;
            assert_eq!(found, json!([]), "{look} {path}");
            keep(&format!("{look}{}", path.replace(['/', '?'], "-")), &browser.screenshot().await);
        }
        browser.quit().await;
    }
}

/// Saves a screenshot into the directory that `SCREENSHOTS` names, if it is set.
fn keep(name: &str, png_base64: &str) {
    let Ok(directory) = std::env::var("SCREENSHOTS") else { return };
    std::fs::write(format!("{directory}/{name}.png.base64"), png_base64).unwrap();
}
