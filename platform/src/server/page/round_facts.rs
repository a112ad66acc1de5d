//! What is known of a round apart from its ranking: facts, faults, the first place, how to verify it.

use maud::{Markup, html};

use super::command::command;
use crate::api::{Round, RoundProgress, RoundStatus};
use crate::server::board::Board;
use crate::server::public_url::PublicUrl;

/// The facts of a round, and its downloads.
pub(super) fn facts(site: &PublicUrl, board: &Board) -> Markup {
    let round = &board.rankings.round;
    let path = format!("/rounds/{}", round.id);
    html! {
        dl.round {
            div { dt { "Round" } dd { a href=(site.path_to(&path)) { (round.id) } } }
            div {
                dt { "Finished" }
                dd { (time(round.finished_at)) }
            }
            div { dt { "Tasks" } dd { a href=(site.path_to("/tasks")) { (round.tasks.len()) } } }
            @if let Some(private) = &round.private {
                div { dt { "Private tasks" } dd { (private.tasks) " of " (private.name) } }
            }
            div { dt { "Trials" } dd { (round.trials) } }
            div { dt { "Pool" } dd { (round.pool_tao) " 'TAO', " (round.payout) } }
            @if round.repeat > 1 { div { dt { "Repetitions" } dd { (round.repeat) " of each trial" } } }
            @if let Some(points) = round.resolution {
                div { dt { "Resolution" } dd { "smaller differences than " (points) " points may be chance" } }
            }
            div { dt { "State" } dd { (state(round)) } }
            div {
                dt { "Commitment" }
                dd { code title=(round.commitment) { (round.commitment.short()) } }
            }
            @if let Some(model) = &round.model {
                div { dt { "Model" } dd { (model.split('@').next().unwrap_or_default()) } }
            }
            @if let Some(seed) = round.seed { div { dt { "Seed" } dd { (seed) } } }
            div {
                dt { "Download" }
                dd {
                    a href=(site.path_to(&format!("{path}?format=json"))) { "JSON" } " "
                    a href=(site.path_to(&format!("{path}?format=csv"))) { "CSV" }
                }
            }
        }
    }
}

/// A time for people and machines.
pub(super) fn time(at: jiff::Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M UTC")) } }
}

/// What the ranking of a round is worth so far.
pub(super) fn state(round: &Round) -> String {
    let mut state = match round.status {
        RoundStatus::Open => "open: these are standings".to_owned(),
        RoundStatus::Closed => "closed: final ranking".to_owned(),
    };
    if round.partial {
        state.push_str("; partial: not all tasks or agents");
    }
    if round.is_provisional() {
        state.push_str("; provisional: some trials are not judged, and rewards may change");
    }
    state
}

/// Who holds the first place, and why.
pub(super) fn gate(round: &Round) -> Markup {
    html! {
        @if let Some(gate) = &round.gate {
            section aria-labelledby="gate-title" {
                h2 #gate-title { "First place" }
                ul { @for sentence in gate.explanation(round.alpha) { li { (sentence) } } }
            }
        }
    }
}

/// The agents that were stopped, with the reason.
pub(super) fn stopped(round: &Round) -> Markup {
    html! {
        @if !round.stopped.is_empty() {
            section aria-labelledby="stopped-title" {
                h2 #stopped-title { "Stopped early" }
                ul { @for agent in &round.stopped { li { (agent.explanation(round)) } } }
            }
        }
    }
}

/// The number of faults that a page lists.
const SHOWN_FAULTS: usize = 50;

/// The trials that the arena could not judge.
pub(super) fn faults(round: &Round) -> Markup {
    let more = round.faults.len().saturating_sub(SHOWN_FAULTS);
    html! {
        @if !round.faults.is_empty() {
            section aria-labelledby="faults-title" {
                h2 #faults-title { "Faults" }
                p { "These trials have no verdict, because the arena failed and not the agent." }
                ul {
                    @for fault in round.faults.iter().take(SHOWN_FAULTS) {
                        li { (fault.miner_id) " on " (fault.task) ": " (fault.fault) }
                    }
                    @if more > 0 { li { "and " (more) " more; the JSON has all of them" } }
                }
            }
        }
    }
}

/// The amount with all nine decimals.
pub(super) fn tao(rao: u64) -> String {
    format!("{}.{:09} 'TAO'", rao / 1_000_000_000, rao % 1_000_000_000)
}

/// How everyone can check the round.
pub(super) fn verification(site: &PublicUrl, board: &Board) -> Markup {
    let round = &board.rankings.round;
    let report = site.url_to(&format!("/rounds/{}?format=json", round.id));
    html! {
        section aria-labelledby="verify-title" {
            h2 #verify-title { "Verify" }
            dl.facts {
                dt { "Commitment" }
                dd { code { (round.commitment) } " is the SHA-256 of " code { "ID:SEED:SALT" } }
                @if let (Some(seed), Some(salt)) = (round.seed, &round.salt) {
                    dt { "Revealed" }
                    dd { "seed " code { (seed) } ", salt " code { (salt) } }
                }
                @if let Some(digest) = &round.trials_sha256 { dt { "Trials" } dd { code { (digest) } } }
                @if let Some(previous) = &round.previous {
                    dt { "Round before" }
                    dd {
                        a href=(site.path_to(&format!("/rounds/{}", previous.id))) { (previous.id) }
                        ", " code { (previous.digest) }
                    }
                }
                dt { "Image" } dd { code { (round.image) } }
            }
            @match round.status {
                RoundStatus::Open => p { "Seed and salt are secret until the round is closed. Then this page shows how to verify it." },
                RoundStatus::Closed => {
                    p { "The commitment, recomputed from what was revealed:" }
                    @if let (Some(seed), Some(salt)) = (round.seed, &round.salt) {
                        (command("Command to check the commitment", &format!("printf %s '{}:{seed}:{salt}' | sha256sum", round.id)))
                    }
                    p { "The ranking, recomputed from the round's report, which its validator publishes ("
                        code { "arena evaluate --close --json" } " prints it, " code { "arena export" } " packs it with everything else):" }
                    (command("Commands to verify the ranking", &format!("curl -fsS -o ranking.json '{report}'\narena verify report.json")))
                }
            }
            @if let Some(signature) = &board.rankings.signature {
                h3 { "Signature of the validator" }
                pre tabindex="0" aria-label="Signature" { code { (signature.statement) (signature.armor) } }
            }
        }
    }
}

/// The progress of the round that runs now.
pub(super) fn live_progress(site: &PublicUrl, progress: &RoundProgress) -> Markup {
    let events = site.path_to(&format!("/rounds/{}/events", progress.round));
    html! {
        section #live aria-labelledby="live-title" data-events=(events) {
            h2 #live-title { "Running now" }
            p {
                progress #live-bar max=(progress.trials_total) value=(progress.trials_done) aria-labelledby="live-title" {}
                " " span #live-text role="status" { (progress_text(progress)) }
            }
        }
    }
}

/// How far the round is, in one sentence.
fn progress_text(progress: &RoundProgress) -> String {
    let RoundProgress { round, trials_done, trials_total, faults, .. } = progress;
    let faults = match faults {
        0 => String::new(),
        1 => ", 1 fault".to_owned(),
        faults => format!(", {faults} faults"),
    };
    format!("round {round}: {trials_done} of {trials_total} trials{faults}")
}
