//! The website: pages rendered here, with nothing from any other host.
//!
//! Everything works without JavaScript; the script only filters while the reader types. Text from miners and
//! validators is escaped by the template engine, and never becomes an attribute or a style.

mod heat_map;
mod layout;
mod leaderboard;
mod reference;

pub(super) use layout::layout;
pub(super) use leaderboard::{LeaderboardQuery, before_first_round, leaderboard};
pub(super) use reference::reference;
