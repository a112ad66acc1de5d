//! The ranking of a round as a table: searched, sorted and split into pages by the server.

use std::cmp::Ordering;

use maud::{Markup, html};
use tasks::Family;

use super::chart::{interval_bar, sparkline};
use super::heat_map::heat_map;
use super::leaderboard_query::{LeaderboardView, SortColumn};
use super::round_facts::{facts, faults, gate, live_progress, stopped, tao};
use crate::api::{Ranking, RoundProgress, dollars};
use crate::server::board::Board;
use crate::server::public_url::PublicUrl;
use crate::similarity::Passage;
use crate::similarity::survey::SimilarAgents;

/// Number of agents per page.
const PAGE_SIZE: usize = 100;

/// A page about a round.
#[derive(Clone, Copy)]
pub(in crate::server) struct RoundPage<'a> {
    /// Where the site is.
    pub(in crate::server) site: &'a PublicUrl,
    /// The round.
    pub(in crate::server) board: &'a Board,
    /// The part of its ranking.
    pub(in crate::server) view: &'a LeaderboardView,
    /// The path of the page within the site.
    pub(in crate::server) path: &'a str,
    /// The round that is evaluated now, if one is.
    pub(in crate::server) running: Option<&'a RoundProgress>,
}

/// The title, the facts of the round, and its ranking.
pub(in crate::server) fn leaderboard(page: RoundPage<'_>) -> Markup {
    html! {
        h1 { "Leaderboard" }
        @if let Some(running) = page.running { (live_progress(page.site, running)) }
        (facts(page.site, page.board))
        (ranking(page))
    }
}

/// The ranking with everything that belongs to it.
pub(super) fn ranking(page: RoundPage<'_>) -> Markup {
    let RoundPage { site, board, view, path, .. } = page;
    let rows = page.rows();
    let pages = rows.len().div_ceil(PAGE_SIZE).max(1);
    let number = view.page.min(pages);
    let shown: Vec<_> =
        rows.iter().copied().skip((number - 1) * PAGE_SIZE).take(PAGE_SIZE).collect();
    let round = &board.rankings.round;
    html! {
        (filter(page, rows.len()))
        @if shown.is_empty() {
            p.empty { "No agent matches. " a href=(site.path_to(path)) { "Show all agents" } }
        } @else {
            (table(page, &shown))
        }
        @if pages > 1 { (pagination(page, number, pages)) }
        (gate(round))
        @if !shown.is_empty() { (heat_map(site, board, &shown)) }
        (stopped(round))
        (faults(round))
    }
}

fn filter(page: RoundPage<'_>, found: usize) -> Markup {
    let RoundPage { site, board, view, path, .. } = page;
    html! {
        form.filter role="search" action=(site.path_to(path)) method="get" {
            label for="q" { "Filter by miner" }
            input #q type="search" name="q" value=(view.q) autocomplete="off" spellcheck="false";
            label for="family" { "Family" }
            select #family name="family" {
                option value="" { "none" }
                @for family in families(board) {
                    option value=(family) selected[view.family == Some(family)] { (family) }
                }
            }
            @if let Some(sort) = view.sort_value() { input type="hidden" name="sort" value=(sort); }
            button type="submit" { "Filter" }
            @if view.is_filtered() { a.button href=(site.path_to(path)) { "Clear" } }
            span #count role="status" { (found) " of " (board.rankings.rankings.len()) " agents" }
        }
    }
}

/// The families that the round's agents have scores in.
fn families(board: &Board) -> Vec<Family> {
    let scored = |family: &&Family| {
        board.rankings.rankings.iter().any(|entry| entry.families.contains_key(*family))
    };
    Family::ALL.iter().filter(scored).copied().collect()
}

impl<'a> RoundPage<'a> {
    /// The agents that match, in the order of the page.
    fn rows(self) -> Vec<&'a Ranking> {
        let needle = self.view.q.trim().to_ascii_lowercase();
        let all = self.board.rankings.rankings.iter();
        let mut rows: Vec<_> =
            all.filter(|entry| entry.miner_id.as_str().contains(&needle)).collect();
        // Equal agents stay in the order of their ranks.
        if self.view.sort != SortColumn::Rank {
            rows.sort_by(|a, b| self.compare(a, b));
        }
        if self.view.reversed {
            rows.reverse();
        }
        rows
    }

    /// The usual order of a column: the best first, or the alphabet.
    fn compare(self, a: &Ranking, b: &Ranking) -> Ordering {
        let down = |a: Option<f64>, b: Option<f64>| {
            b.unwrap_or(f64::NEG_INFINITY).total_cmp(&a.unwrap_or(f64::NEG_INFINITY))
        };
        match self.view.sort {
            SortColumn::Rank => a.rank.cmp(&b.rank),
            SortColumn::Agent => a.miner_id.cmp(&b.miner_id),
            SortColumn::Score => down(Some(a.score), Some(b.score)),
            SortColumn::Public => down(a.public_score, b.public_score),
            SortColumn::Private => down(a.private_score, b.private_score),
            SortColumn::Family => down(self.family_score(a), self.family_score(b)),
            SortColumn::Group => a.group.cmp(&b.group),
            SortColumn::Change => self.climb(b).cmp(&self.climb(a)),
            SortColumn::Reward => b.reward_rao.cmp(&a.reward_rao),
            SortColumn::Cost => a.cost_micro_usd.cmp(&b.cost_micro_usd),
        }
    }

    fn family_score(self, entry: &Ranking) -> Option<f64> {
        entry.families.get(&self.view.family?).copied()
    }

    fn rank_before(self, entry: &Ranking) -> Option<u32> {
        Some(self.board.earlier.last()?.places.get(&entry.miner_id)?.rank)
    }

    /// The ranks that the agent climbed since the round before; none if it is new.
    fn climb(self, entry: &Ranking) -> Option<i64> {
        Some(i64::from(self.rank_before(entry)?) - i64::from(entry.rank))
    }
}

fn table(page: RoundPage<'_>, shown: &[&Ranking]) -> Markup {
    let RoundPage { board, view, .. } = page;
    let round = &board.rankings.round;
    let mut columns = vec![
        (SortColumn::Rank, "Rank".to_owned()),
        (SortColumn::Agent, "Agent".to_owned()),
        (SortColumn::Score, "Score".to_owned()),
    ];
    if round.private.is_some() {
        columns.push((SortColumn::Public, "Public".to_owned()));
        columns.push((SortColumn::Private, "Private".to_owned()));
    }
    columns.extend(view.family.map(|family| (SortColumn::Family, family.to_string())));
    columns.push((SortColumn::Group, "Group".to_owned()));
    columns.push((SortColumn::Change, "Change".to_owned()));
    columns.push((SortColumn::Reward, "Reward ('TAO')".to_owned()));
    if round.model.is_some() {
        columns.push((SortColumn::Cost, "Cost (USD)".to_owned()));
    }
    html! {
        div.scroll role="region" aria-labelledby="ranking-title" tabindex="0" {
            table #ranking {
                caption #ranking-title { "Agents, with the 95 % interval of each score" }
                thead {
                    tr {
                        @for (column, label) in &columns { (heading(page, *column, label)) }
                        th scope="col" { "Scores so far" }
                    }
                }
                tbody { @for entry in shown { (row(page, entry)) } }
            }
        }
    }
}

/// The heading of a column, which sorts by it.
fn heading(page: RoundPage<'_>, column: SortColumn, label: &str) -> Markup {
    let RoundPage { site, view, path, .. } = page;
    let is_number = !matches!(column, SortColumn::Agent | SortColumn::Group);
    // The usual order of an alphabet and of ranks goes up, that of scores down.
    let goes_up = matches!(
        column,
        SortColumn::Rank | SortColumn::Agent | SortColumn::Group | SortColumn::Cost
    );
    let order = (view.sort == column).then_some(if goes_up == view.reversed {
        "descending"
    } else {
        "ascending"
    });
    html! {
        th class=[is_number.then_some("number")] scope="col" aria-sort=[order] {
            a href=(view.sorted_by(column).link(site, path)) { (label) }
        }
    }
}

fn row(page: RoundPage<'_>, entry: &Ranking) -> Markup {
    let RoundPage { site, board, view, .. } = page;
    let group = entry.p_above.map(|p| format!("p {p:.4} against the rank above"));
    html! {
        tr data-miner=(entry.miner_id) {
            td.number { (entry.rank) }
            th scope="row" {
                a href=(site.path_to(&format!("/agents/{}", entry.miner_id))) { (entry.miner_id) }
                @if let Some(original) = &entry.copy_of {
                    span.note { " copy of " (original) }
                } @else if let Some(similar) = board.similar.get().and_then(|all| all.get(&entry.miner_id)) {
                    (similar_to(similar))
                }
            }
            td.number {
                (format!("{:.2}", entry.score))
                @if let Some(interval) = entry.interval { (interval_bar(entry.score, interval)) }
            }
            @for part in [entry.public_score, entry.private_score].into_iter().flatten() {
                td.number { (format!("{part:.2}")) }
            }
            @if view.family.is_some() {
                td.number { @if let Some(score) = page.family_score(entry) { (format!("{score:.2}")) } }
            }
            td title=[group] { (entry.group) }
            (change(page.climb(entry)))
            td.number title=(tao(entry.reward_rao)) { (rounded_tao(entry.reward_rao)) }
            @if let Some(cost) = entry.cost_micro_usd { td.number { (dollars(cost)) } }
            td { (sparkline(&scores(board, entry), board.earlier.len() + 1)) }
        }
    }
}

/// The agent's scores so far, oldest first, including this round's.
fn scores(board: &Board, entry: &Ranking) -> Vec<f64> {
    let earlier = board.earlier.iter().filter_map(|round| round.places.get(&entry.miner_id));
    earlier.map(|place| place.score).chain([entry.score]).collect()
}

/// The change of rank since the round before.
fn change(climb: Option<i64>) -> Markup {
    let class = match climb {
        None => "new",
        Some(0) => "same",
        Some(climb) if climb > 0 => "up",
        Some(_) => "down",
    };
    html! {
        td class={ "number change " (class) } {
            @match climb {
                None => "new",
                Some(0) => "=",
                Some(climb) if climb > 0 => { "+" (climb) },
                Some(climb) => { "−" (climb.abs()) },
            }
        }
    }
}

/// An amount with two decimals, rounded down, so that no column adds up to more than the pool.
fn rounded_tao(rao: u64) -> String {
    let hundredths = rao / 10_000_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Names the earlier agent that this one is similar to. The figure is rounded down, so that 100 % means all.
pub(super) fn similar_to(similar: &SimilarAgents) -> Markup {
    let earlier = &similar.earlier.miner_id;
    let percent = format!("{:.0} %", (similar.figures.similarity * 100.0).floor());
    let place = similar.passages.first().map(|passage| {
        let Passage { earlier: there, later: here, .. } = passage;
        format!(
            "; lines {} to {} here, {} to {} there",
            here.first, here.last, there.first, there.last
        )
    });
    let title = format!(
        "{percent} of the code of the smaller of both agents is in the other one too, apart from names and values; {earlier} had it first{}",
        place.unwrap_or_default()
    );
    html! { span.note title=(title) { " similar to " (earlier) " (" (percent) ")" } }
}

fn pagination(
    RoundPage { site, view, path, .. }: RoundPage<'_>,
    number: usize,
    pages: usize,
) -> Markup {
    let link = |number: usize| view.on_page(number).link(site, path);
    html! {
        nav.pages aria-label="Pages" {
            @if number > 1 { a.button href=(link(number - 1)) rel="prev" { "Previous" } }
            span { "Page " (number) " of " (pages) }
            @if number < pages { a.button href=(link(number + 1)) rel="next" { "Next" } }
        }
    }
}
