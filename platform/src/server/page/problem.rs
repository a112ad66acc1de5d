//! Errors for people, such as a page that does not exist.

use maud::{Markup, html};

use crate::api::ProblemDocument;
use crate::server::public_url::PublicUrl;

/// The content of the page in place of a problem document.
pub(in crate::server) fn problem(site: &PublicUrl, problem: &ProblemDocument) -> Markup {
    html! {
        h1 { (problem.status) " " (problem.title) }
        p { (problem.detail) }
        p {
            a href=(site.path_to("/")) { "Leaderboard" } ", " a href=(site.path_to("/tasks")) { "tasks" } ", "
            a href=(site.path_to("/rounds")) { "rounds" } ", " a href=(site.path_to("/reference")) { "API" }
        }
    }
}
