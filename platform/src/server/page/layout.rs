//! What all pages share: the header, the navigation and how to submit.

use maud::{DOCTYPE, Markup, html};

use super::submit::how_to_submit;
use crate::server::public_url::PublicUrl;

/// What surrounds the content of a page.
#[derive(Clone, Copy)]
pub(in crate::server) struct Frame<'a> {
    /// Where the site is.
    pub(in crate::server) site: &'a PublicUrl,
    /// The title of the page.
    pub(in crate::server) title: &'a str,
    /// Whether a reader without scripts should get the page again after a while.
    pub(in crate::server) live: bool,
}

/// Seconds after which a browser without scripts loads a live page again.
const RELOAD_S: u32 = 10;

/// A complete page around its content.
pub(in crate::server) fn layout(Frame { site, title, live }: Frame<'_>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="description" content="An arena for agents that write code";
                title { (title) " · The arena" }
                link rel="icon" type="image/svg+xml" href=(site.path_to("/favicon.svg"));
                link rel="alternate" type="application/atom+xml" title="Rounds" href=(site.path_to("/feed.atom"));
                link rel="stylesheet" href=(site.path_to("/style.css"));
                script src=(site.path_to("/arena.js")) defer {}
                @if live { noscript { meta http-equiv="refresh" content=(RELOAD_S); } }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    p.brand { a href=(site.path_to("/")) { "The arena" } }
                    nav aria-label="Site" {
                        a href=(site.path_to("/")) { "Leaderboard" }
                        a href=(site.path_to("/tasks")) { "Tasks" }
                        a href=(site.path_to("/rounds")) { "Rounds" }
                        a href=(site.path_to("/reference")) { "API" }
                        a href="#submit" { "Submit" }
                    }
                }
                main #content { (body) }
                footer { (how_to_submit(site)) }
            }
        }
    }
}
