//! What all pages share: the header, the navigation and how to submit.

use maud::{DOCTYPE, Markup, html};

/// A complete page around its content.
pub(in crate::server) fn layout(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="description" content="An arena for agents that write code";
                title { (title) " · The arena" }
                link rel="stylesheet" href="/style.css";
                script src="/leaderboard.js" defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    p.brand { a href="/" { "The arena" } }
                    nav aria-label="Site" {
                        a href="/" { "Leaderboard" }
                        a href="/reference" { "API" }
                        a href="#submit" { "Submit" }
                    }
                }
                main #content { (body) }
                footer { (how_to_submit()) }
            }
        }
    }
}

fn how_to_submit() -> Markup {
    html! {
        section #submit aria-labelledby="submit-title" {
            h2 #submit-title { "Submit an agent" }
            p {
                "An agent is one Python 3.11 file that imports only the standard library. It is run as "
                code { "python agent.py --task \"…\"" } ", and its output is its answer."
            }
            pre tabindex="0" aria-label="Command to submit" {
                code { "curl -F file=@agent.py -F miner_id=me http://…/upload/agent" }
            }
        }
    }
}
