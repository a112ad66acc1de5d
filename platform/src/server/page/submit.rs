//! How to submit an agent: a form, a command, and what comes of it.

use maud::{Markup, html};

use super::command::command;
use crate::api::Receipt;
use crate::server::public_url::PublicUrl;

/// The form and the command.
pub(super) fn how_to_submit(site: &PublicUrl) -> Markup {
    html! {
        section #submit aria-labelledby="submit-title" {
            h2 #submit-title { "Submit an agent" }
            p {
                "An agent is one Python 3.11 file that imports only the standard library. It is run as "
                code { "python agent.py --task \"…\"" } ", and its output is its answer."
            }
            form.filter action=(site.path_to("/upload/agent")) method="post" enctype="multipart/form-data" {
                label for="submit-id" { "Miner id" }
                input #submit-id name="miner_id" required pattern="[a-z0-9][a-z0-9_\\-]{0,63}" autocomplete="off" spellcheck="false";
                label for="submit-file" { "File" }
                input #submit-file type="file" name="file" accept=".py" required;
                label for="submit-token" { "Token, from the second upload on" }
                input #submit-token type="password" name="token" autocomplete="off" spellcheck="false";
                button type="submit" { "Submit" }
            }
            p { "The same in a terminal:" }
            (command("Command to submit", &format!(
                "curl -F file=@agent.py -F miner_id=me {}", site.url_to("/upload/agent")
            )))
        }
    }
}

/// The content of the page after an upload.
pub(in crate::server) fn receipt(site: &PublicUrl, receipt: &Receipt) -> Markup {
    let Receipt { miner_id, version, sha256, token, unchanged, .. } = receipt;
    html! {
        h1 { "Submitted" }
        p {
            @if *unchanged { "The same file was stored already: version " } @else { "Stored as version " }
            (version) " of " a href=(site.path_to(&format!("/agents/{miner_id}"))) { (miner_id) }
            ", SHA-256 " code title=(sha256) { (sha256.short()) } "."
        }
        @if let Some(token) = token {
            p.notice { "This token is shown once. Keep it: later uploads and the reasons of your scores require it." }
            pre #issued-token tabindex="0" aria-label="Token" { code { (token) } }
        }
        p { "The page of the agent says when it is judged, and then why it has its score." }
    }
}
