//! Commands to paste.

use maud::{Markup, html};

/// A command, with a name for readers who do not see it.
pub(super) fn command(label: &str, text: &str) -> Markup {
    html! { pre tabindex="0" aria-label=(label) { code { (text) } } }
}
