//! The website: pages rendered here, with nothing from any other host.
//!
//! Everything works without JavaScript; the script filters while the reader types, names the cell under the pointer, and
//! follows the running round. Text from miners and validators is escaped by the template engine, and never becomes an
//! attribute or a style.

mod agent;
mod chart;
mod command;
mod heat_map;
mod layout;
mod leaderboard;
mod leaderboard_query;
mod problem;
mod prompt;
mod reasons;
mod reference;
mod round_facts;
mod rounds;
mod start;
mod submit;
mod task;
mod verdict;

pub(super) use agent::{AgentPage, agent};
pub(super) use layout::{Frame, layout};
pub(super) use leaderboard::{RoundPage, leaderboard};
pub(super) use leaderboard_query::LeaderboardQuery;
pub(super) use problem::problem;
pub(super) use reasons::reasons;
pub(super) use reference::reference;
pub(super) use rounds::{round, rounds};
pub(super) use start::before_first_round;
pub(super) use submit::receipt;
pub(super) use task::{TaskPage, task, tasks};
