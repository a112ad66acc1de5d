//! Which part of a ranking a page shows, in which order: the parameters of its URL.

use serde::Deserialize;
use tasks::Family;
use utoipa::IntoParams;

use crate::server::public_url::PublicUrl;

/// The part of a ranking that a page shows.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct LeaderboardQuery {
    /// On a page: only miners whose id contains this
    q: Option<String>,
    /// On a page: a family whose score is a column of its own
    family: Option<String>,
    /// On a page: the column that decides the order, after a '-' for the other way round
    sort: Option<String>,
    /// On a page: its number, from 1
    page: Option<String>,
}

/// The part of a ranking to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct LeaderboardView {
    /// Only miners whose id contains this.
    pub(super) q: String,
    /// A family whose score is a column of its own.
    pub(super) family: Option<Family>,
    /// The column that decides the order.
    pub(super) sort: SortColumn,
    /// Whether the order is the other way round than the column's usual one.
    pub(super) reversed: bool,
    /// One-based page.
    pub(super) page: usize,
}

/// A column that the table can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SortColumn {
    #[default]
    Rank,
    Agent,
    Score,
    Public,
    Private,
    Family,
    Group,
    Change,
    Reward,
    Cost,
}

impl SortColumn {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Rank, "rank"),
        (Self::Agent, "agent"),
        (Self::Score, "score"),
        (Self::Public, "public"),
        (Self::Private, "private"),
        (Self::Family, "family"),
        (Self::Group, "group"),
        (Self::Change, "change"),
        (Self::Reward, "reward"),
        (Self::Cost, "cost"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(column, _)| *column == self).map_or("rank", |(_, name)| name)
    }
}

impl LeaderboardQuery {
    /// Checks the parameters. The error is a sentence for the reader.
    pub(in crate::server) fn view(self) -> Result<LeaderboardView, String> {
        let page = self.page.as_deref().unwrap_or("1");
        let page = page.parse().ok().filter(|page| *page >= 1).ok_or_else(|| {
            format!("`page` is '{}': expected an integer of 1 or more", page.escape_debug())
        })?;
        let family = match self.family.as_deref() {
            None | Some("") => None,
            Some(name) => Some(name.parse::<Family>().map_err(|_| {
                let all: Vec<_> = Family::ALL.iter().map(|family| family.as_str()).collect();
                unexpected("family", name, &all)
            })?),
        };
        let sort = self.sort.unwrap_or_default();
        let (name, reversed) = match sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (sort.as_str(), false),
        };
        let column = SortColumn::ALL.iter().find(|(_, known)| *known == name);
        let sort = match column {
            Some((column, _)) => *column,
            None if name.is_empty() => SortColumn::default(),
            None => {
                let all: Vec<_> = SortColumn::ALL.iter().map(|(_, name)| *name).collect();
                return Err(unexpected("sort", &sort, &all) + ", also after a '-'");
            }
        };
        let q = self.q.unwrap_or_default();
        Ok(LeaderboardView { q, family, sort, reversed, page })
    }
}

/// The sentence about a parameter that is none of its values.
fn unexpected(name: &'static str, value: &str, all: &[&str]) -> String {
    format!("`{name}` is '{}': expected one of {}", value.escape_debug(), all.join(", "))
}

impl LeaderboardView {
    /// The same part on another page.
    pub(super) fn on_page(&self, page: usize) -> Self {
        Self { page, ..self.clone() }
    }

    /// The first page, sorted by a column; the other way round if it is sorted by it already.
    pub(super) fn sorted_by(&self, sort: SortColumn) -> Self {
        let reversed = self.sort == sort && !self.reversed;
        Self { sort, reversed, page: 1, ..self.clone() }
    }

    /// Returns whether all agents may be on the page.
    pub(super) fn is_filtered(&self) -> bool {
        !self.q.is_empty() || self.family.is_some()
    }

    /// The sort parameter; none for the usual order.
    pub(super) fn sort_value(&self) -> Option<String> {
        let usual = self.sort == SortColumn::default() && !self.reversed;
        let sign = if self.reversed { "-" } else { "" };
        (!usual).then(|| format!("{sign}{}", self.sort.name()))
    }

    /// The link to this part of the page at `path`.
    pub(super) fn link(&self, site: &PublicUrl, path: &str) -> String {
        format!("{}{}", site.path_to(path), self.parameters())
    }

    /// The parameters with their question mark; empty for the first page as it comes. Equal parts have equal parameters.
    pub(in crate::server) fn parameters(&self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !self.q.is_empty() {
            pairs.append_pair("q", &self.q);
        }
        if let Some(family) = self.family {
            pairs.append_pair("family", family.as_str());
        }
        if let Some(sort) = self.sort_value() {
            pairs.append_pair("sort", &sort);
        }
        if self.page > 1 {
            pairs.append_pair("page", &self.page.to_string());
        }
        let text = pairs.finish();
        if text.is_empty() { text } else { format!("?{text}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(pairs: &[(&str, &str)]) -> Result<LeaderboardView, String> {
        let of =
            |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        LeaderboardQuery { q: of("q"), family: of("family"), sort: of("sort"), page: of("page") }
            .view()
    }

    #[test]
    fn parameters_survive_a_round_trip() {
        let check = |pairs: &[(&str, &str)], parameters: &str| {
            assert_eq!(view(pairs).unwrap().parameters(), parameters);
        };
        check(&[], "");
        check(&[("sort", "rank"), ("page", "1"), ("q", ""), ("family", "")], "");
        check(&[("q", "a&b"), ("sort", "-score"), ("page", "3")], "?q=a%26b&sort=-score&page=3");
        check(&[("family", "strings"), ("sort", "-rank")], "?family=strings&sort=-rank");
    }

    #[test]
    fn wrong_parameters_are_named() {
        for (pair, part) in [
            (("page", "x"), "`page` is 'x': expected an integer of 1 or more"),
            (("page", "0"), "`page` is '0'"),
            (("sort", "size"), "`sort` is 'size': expected one of rank, agent"),
            (("family", "x"), "`family` is 'x': expected one of strings"),
        ] {
            let error = view(&[pair]).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_second_click_on_a_column_turns_the_order() {
        let first = view(&[("page", "4")]).unwrap().sorted_by(SortColumn::Score);
        assert_eq!((first.sort_value().as_deref(), first.page), (Some("score"), 1));
        assert_eq!(first.sorted_by(SortColumn::Score).sort_value().as_deref(), Some("-score"));
    }
}
