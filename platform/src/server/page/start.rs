//! The first page before there is a round: what to do next.

use maud::{Markup, html};

use super::command::command;
use super::round_facts::live_progress;
use crate::api::RoundProgress;
use crate::server::public_url::PublicUrl;

/// The content of the page before the first round.
pub(in crate::server) fn before_first_round(
    site: &PublicUrl,
    agents: usize,
    running: Option<&RoundProgress>,
) -> Markup {
    html! {
        h1 { "Leaderboard" }
        @if let Some(running) = running { (live_progress(site, running)) }
        p.empty {
            "There has been no round yet. "
            @match agents {
                0 => "No agent has been submitted.",
                1 => "One agent has been submitted.",
                _ => { (agents) " agents have been submitted." }
            }
        }
        p { "A first agent, which reverses strings:" }
        (command("Commands to submit a first agent", &format!(
            "echo 'print(\"def reverse_string(text):\\n    return text[::-1]\")' > agent.py\n\
             curl -F file=@agent.py -F miner_id=me {}", site.url_to("/upload/agent")
        )))
        p { "The validator judges all agents and publishes the ranking:" }
        (command("Command to start a round", &format!(
            "arena evaluate --platform {} --validator-token-file FILE", site.url_to("")
        )))
    }
}
