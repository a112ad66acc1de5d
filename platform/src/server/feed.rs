//! The rounds as an Atom feed (RFC 4287), for readers that want to hear of them.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use tasks::Sha256;

use super::history::RoundSummary;
use super::public_url::PublicUrl;
use crate::api::{RoundListing, RoundStatus};

/// The number of rounds in the feed.
pub(super) const ENTRIES: usize = 50;

/// Returns the feed of these rounds, newest first.
pub(super) fn feed(site: &PublicUrl, rounds: &[Arc<RoundSummary>]) -> String {
    let updated = rounds.iter().map(|round| round.listing.finished_at).max();
    let feed = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"))
        feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en" {
            title { "Rounds of the arena" }
            id { (urn(&format!("feed {}", site.url_to("/")))) }
            updated { (updated.unwrap_or(Timestamp::UNIX_EPOCH)) }
            author { name { "The arena" } }
            (link("self", &site.url_to("/feed.atom"), "application/atom+xml"))
            (link("alternate", &site.url_to("/rounds"), "text/html"))
            @for round in rounds { (entry(site, &round.listing)) }
        }
    };
    feed.into_string()
}

fn entry(site: &PublicUrl, round: &RoundListing) -> Markup {
    let status = match round.status {
        RoundStatus::Open => "open",
        RoundStatus::Closed => "closed",
    };
    let id = plain(&round.id);
    html! {
        entry {
            title { "Round " (id) " (" (status) ")" }
            id { (urn(&format!("round {}", round.id))) }
            published { (round.opened_at) }
            updated { (round.finished_at) }
            (link("alternate", &site.url_to(&format!("/rounds/{id}")), "text/html"))
            category term=(status) {}
            summary { (summary(round)) }
        }
    }
}

fn summary(round: &RoundListing) -> String {
    let RoundListing { agents, tasks, .. } = round;
    let mut text = match (&round.best, round.status) {
        (None, _) => format!("No agent of {tasks} tasks is ranked yet"),
        (Some(best), RoundStatus::Open) => {
            format!("{best} leads {agents} agents on {tasks} tasks so far")
        }
        (Some(best), RoundStatus::Closed) => {
            format!("{best} is first of {agents} agents on {tasks} tasks")
        }
    };
    if round.provisional {
        text.push_str("; some agents are not judged yet");
    }
    text.push('.');
    text
}

/// An element without content. HTML has one of the same name, which `maud` would leave open.
fn link(relation: &str, href: &str, kind: &str) -> Markup {
    let attributes = html! { link rel=(relation) href=(href) type=(kind); };
    PreEscaped(attributes.into_string().replacen('>', "/>", 1))
}

/// An id that stays the same when the platform moves to another address: a UUID of version 8 from a digest.
fn urn(name: &str) -> String {
    let digest = Sha256::of(name.as_bytes());
    let hex = digest.as_str();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// The text without the characters that no XML document can contain, escaped or not.
fn plain(text: &str) -> String {
    let allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_breaks_the_document() {
        let site = "/a&b".parse().unwrap();
        let round = |id: &str| RoundListing {
            id: id.into(),
            status: RoundStatus::Closed,
            commitment: Sha256::of(b"x"),
            opened_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            tasks: 2,
            agents: 0,
            best: None,
            partial: false,
            provisional: true,
            signed: false,
        };
        let text = entry(&site, &round("<a>&\"'\u{0}\u{b}\u{ffff}]]>é")).into_string();
        assert!(
            text.contains("<title>Round &lt;a&gt;&amp;&quot;']]&gt;é (closed)</title>"),
            "{text}"
        );
        assert!(text.contains("href=\"/a&amp;b/rounds/&lt;a&gt;&amp;&quot;']]&gt;é\""), "{text}");
        assert!(text.contains("type=\"text/html\"/>"), "{text}");
    }

    #[test]
    fn ids_are_uuids() {
        let id = urn("round x");
        assert_eq!(id.len(), "urn:uuid:".len() + 36);
        assert_eq!((&id[23..24], &id[28..29]), ("8", "8"), "{id}");
        assert_ne!(id, urn("round y"));
    }
}
