//! The leaderboard as HTML, which is all that a reader without JavaScript has.

use std::time::{Duration, Instant};

use platform::api::{Ranking, Receipt};

use crate::support::rounds::{self, HOSTILE};
use crate::support::{TestServer, check_problem, rankings};

async fn page(server: &TestServer, path: &str) -> String {
    let response = server.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    response.text().await.unwrap()
}

/// The ids of the ranking's rows, in order.
fn miners(page: &str) -> Vec<&str> {
    let ranking = page.split("</table>").next().unwrap();
    ranking.split("data-miner=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn shows_the_state_before_the_first_round() {
    let server = TestServer::start().await;
    let text = page(&server, "/").await;
    assert!(text.contains("There has been no round yet. No agent has been submitted."), "{text}");
    server.upload("me", "print(1)\n").send().await.unwrap();
    assert!(page(&server, "/").await.contains("One agent has been submitted"));
}

#[tokio::test]
async fn shows_ranks_changes_histories_and_verdicts() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    let text = page(&server, "/").await;
    assert!(text.contains("open: these are standings; provisional: some trials are not"), "{text}");
    assert_eq!(miners(&text), ["good", "climber", "fresh", "faller", "copy-cat"]);
    let rows = |miner: &str| {
        let start = format!("data-miner=\"{miner}\"");
        let rows = text.split(&start).skip(1).map(|row| row.split("</tr>").next().unwrap());
        <[&str; 2]>::try_from(rows.collect::<Vec<_>>()).expect("one row in each table")
    };
    let row = |miner| rows(miner)[0];
    let verdicts = |miner| rows(miner)[1];
    assert!(row("good").contains("class=\"number change up\">+1<"), "{}", row("good"));
    assert!(row("faller").contains("class=\"number change down\">−3<"), "{}", row("faller"));
    assert!(row("fresh").contains(">new<"));
    assert!(row("copy-cat").contains("copy of faller"));
    assert!(verdicts("copy-cat").contains("factorial fault"), "{}", verdicts("copy-cat"));
    assert!(row("good").contains("Scores, oldest first: 75, 75, 100\""), "{}", row("good"));
    let verdicts = verdicts("climber");
    // The hardest task comes first, and each kind of failure is one path.
    let summary =
        "climber: 4 of 8 accepted; fizz_buzz TLE, flatten WA, prime_factors TLE, factorial OLE";
    assert!(verdicts.contains(summary), "{verdicts}");
    assert_eq!(verdicts.matches("<path class=\"tle\"").count(), 1, "{verdicts}");
}

#[tokio::test]
async fn escapes_hostile_text() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    let text = page(&server, "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!text.contains(HOSTILE) && !text.contains("<script>") && !text.contains("<img"));
    let text = page(&server, "/").await;
    assert!(!text.contains(HOSTILE) && !text.contains("<script>") && !text.contains("<img"));
    assert!(text.contains("&lt;script&gt;document.title"), "the text itself is shown");
    assert!(!text.contains("style="), "the policy forbids inline styles");
}

#[tokio::test]
async fn problems_are_pages_for_browsers() {
    let server = TestServer::start().await;
    for (path, status, part) in [
        ("/nothing", 404, "404 There is nothing at this URL"),
        ("/agents/none", 404, "no agent is stored"),
        ("/?page=x", 400, "`page` is 'x': expected an integer"),
    ] {
        let request =
            server.request(reqwest::Method::GET, path).header("accept", "text/html,*/*;q=0.8");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let text = response.text().await.unwrap();
        assert!(text.contains(part), "{path}: {text}");
        // The command can be pasted.
        assert!(text.contains(&format!("miner_id=me {}/upload/agent", server.url)), "{text}");
    }
}

#[tokio::test]
async fn loads_nothing_from_other_hosts() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    for path in
        ["/", "/reference", "/style.css", "/arena.js", "/tasks?format=html", "/rounds?format=html"]
    {
        let text = server.get(path).await.text().await.unwrap();
        for attribute in ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "url(", "@import"] {
            assert!(!text.contains(attribute), "{path}: {attribute}");
        }
    }
}

#[tokio::test]
async fn filters_without_a_script() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    let text = page(&server, "/?q=+CLIMB+").await;
    assert_eq!(miners(&text), ["climber"]);
    assert!(text.contains("1 of 5 agents"));
    assert_eq!(miners(&page(&server, "/?q=none").await), [""; 0]);
    assert_eq!(miners(&page(&server, "/?page=99").await).len(), 5);
    check_problem(server.get("/?page=x").await, 400, "`page` is 'x': expected an integer").await;
    check_problem(server.get("/?sort=size").await, 400, "`sort` is 'size': expected one of rank")
        .await;
    assert_eq!(miners(&page(&server, "/?sort=agent").await)[0], "climber");
    assert_eq!(miners(&page(&server, "/?sort=-agent").await)[0], "good");
    assert_eq!(miners(&page(&server, "/?sort=-score").await)[4], "good");
    let none = page(&server, "/?q=none").await;
    assert!(none.contains("No agent matches. <a href=\"/\">Show all agents</a>"), "{none}");
}

#[tokio::test]
async fn shows_a_new_round_at_once() {
    let server = TestServer::start().await;
    rounds::put(&server.store);
    assert!(page(&server, "/").await.contains("climber"));
    let mut next = rankings("next", "newcomer");
    next.round.previous = server.store.latest_closed(None).unwrap();
    server.store.put_rankings(&next).unwrap();
    let text = page(&server, "/").await;
    assert_eq!(miners(&text), ["newcomer"]);
    assert!(
        text.contains("<td class=\"number\" title=\"100.000000000 'TAO'\">100.00</td>"),
        "{text}"
    );
}

#[tokio::test]
async fn marks_an_agent_that_is_similar_to_an_earlier_one_without_its_code() {
    let server = TestServer::start().await;
    let author = include_str!("../../src/similarity/tests/original.py");
    let thief = include_str!("../../src/similarity/tests/renamed.py");
    let mut round = rankings("similar", "me");
    let entry = round.rankings.remove(0);
    for (miner, source) in [("author", author), ("thief", thief), ("other", "print(1)\n")] {
        let receipt: Receipt =
            server.upload(miner, source).send().await.unwrap().json().await.unwrap();
        let miner_id = receipt.miner_id;
        round.rankings.push(Ranking { miner_id, agent_sha256: receipt.sha256, ..entry.clone() });
    }
    server.store.put_rankings(&round).unwrap();
    // They are compared while the first visitors read the page.
    let limit = Instant::now() + Duration::from_secs(60);
    let text = loop {
        let text = page(&server, "/").await;
        if text.contains("similar to") || Instant::now() > limit {
            break text;
        }
    };
    let row = |miner: &str| {
        text.split(&format!("data-miner=\"{miner}\""))
            .nth(1)
            .unwrap()
            .split("</tr>")
            .next()
            .unwrap()
    };
    assert!(row("thief").contains(" similar to author (100 %)</span>"), "{}", row("thief"));
    assert!(row("thief").contains("; lines 1 to 86 here, 3 to 92 there\""), "{}", row("thief"));
    assert!(!row("author").contains("similar") && !row("other").contains("similar"), "{text}");
    assert!(!text.contains("literal_eval"), "the code is private");
    // The page is built once more, and kept.
    assert_eq!(page(&server, "/").await, text);
}

#[tokio::test]
async fn page_of_a_hundred_agents_stays_small() {
    let server = TestServer::start().await;
    rounds::put_large(&server.store, 500);
    let text = page(&server, "/").await;
    assert_eq!(miners(&text).len(), 100);
    let is_element = |part: &&str| part.starts_with(|first: char| first.is_ascii_alphabetic());
    let elements = text.split('<').filter(is_element).count();
    assert!(
        text.len() <= 300_000 && elements <= 3_000,
        "{} bytes, {elements} elements",
        text.len()
    );
}

#[tokio::test]
async fn splits_a_large_ranking_into_pages() {
    let server = TestServer::start().await;
    let mut round = rankings("large", "me");
    let entry = round.rankings.remove(0);
    for n in 0..450 {
        let miner_id = format!("m{n:03}").parse().unwrap();
        round.rankings.push(Ranking { miner_id, ..entry.clone() });
    }
    server.store.put_rankings(&round).unwrap();
    for (number, first, count) in [(1, "m000", 100), (2, "m100", 100), (5, "m400", 50)] {
        let text = page(&server, &format!("/?page={number}")).await;
        assert_eq!((miners(&text)[0], miners(&text).len()), (first, count));
        assert!(text.contains(&format!("Page {number} of 5")));
    }
}
