//! The README of an export: what its files are, and the commands that check them.

use std::fmt::Write as _;

use platform::api::{RANKING_NAMESPACE, Rankings};

use super::manifest::{
    EXPECTED, ExportManifest, JOURNAL, MANIFEST, PROBLEMS, RANKING, REPORT, SIGNATURE, SIGNERS,
    STATEMENT, SUMS, source_name,
};

/// The README of a round.
pub fn readme(manifest: &ExportManifest, ranked: &Rankings, has_journal: bool) -> String {
    let round = &ranked.round;
    let mut text = format!(
        "# Round {}\n\nA closed round with everything that is needed to check it. It was written by arena {}.\n\n\
         | file | content |\n| --- | --- |\n\
         | `{REPORT}` | the round, every trial, the rankings |\n\
         | `{RANKING}` | the published ranking |\n\
         | `agents/` | the sources of the agents, by their SHA-256 |\n",
        round.id, manifest.arena
    );
    if manifest.benchmark.is_some() {
        let _ = writeln!(text, "| `{PROBLEMS}` | the benchmark |");
        let _ = writeln!(text, "| `{EXPECTED}/` | what its canonical solutions returned |");
    } else {
        text.push_str(
            "| `tasks/` | the tasks with all cases under the round's seed, for reading |\n",
        );
    }
    if has_journal {
        let _ =
            writeln!(text, "| `{JOURNAL}/` | what the agents asked the model, a file per trial |");
    }
    if ranked.signature.is_some() {
        let _ = writeln!(
            text,
            "| `{STATEMENT}`, `{SIGNATURE}`, `{SIGNERS}` | what the validator signed, the signature, its key |"
        );
    }
    let _ = writeln!(
        text,
        "| `{MANIFEST}`, `{SUMS}` | what the export was made with, and the digests of its files |\n"
    );
    push_commands(&mut text, ranked);
    text.push_str("\n## Agents\n\n| rank | agent | source |\n| ---: | --- | --- |\n");
    for ranking in &ranked.rankings {
        let source = source_name(&ranking.agent_sha256);
        let _ =
            writeln!(text, "| {} | {} | [{source}]({source}) |", ranking.rank, ranking.miner_id);
    }
    text
}

fn push_commands(text: &mut String, ranked: &Rankings) {
    let round = &ranked.round;
    let _ =
        write!(text, "## Check it\n\nAre the files whole?\n\n    sha256sum -c --quiet {SUMS}\n\n");
    if ranked.signature.is_some() {
        let _ = write!(
            text,
            "Who signed it? Compare the key in `{SIGNERS}` with the one that the validator has published elsewhere.\n\n    \
             ssh-keygen -Y verify -f {SIGNERS} -I validator -n {RANKING_NAMESPACE} -s {SIGNATURE} < {STATEMENT}\n\n"
        );
    }
    text.push_str(
        "Does everything follow from the trials? This takes arena alone; with the file of the validator's key, \
         `--signer FILE` checks who signed.\n\n    arena verify .\n\n",
    );
    if let Some(previous) = &round.previous {
        let _ = write!(
            text,
            "Does it follow the round before, {}? Name that round's export, report or ranking.\n\n    \
             arena verify . --previous FILE\n\n",
            previous.id
        );
    }
    match &round.model {
        None => {
            let _ = writeln!(
                text,
                "Do the agents do what the report says? This runs every trial again, with Docker, in the image {}.\n\n    \
                 arena verify . --rerun all",
                round.image
            );
        }
        Some(model) => {
            let _ = writeln!(
                text,
                "The agents asked {model}, which may answer otherwise, so the trials do not run again."
            );
        }
    }
}
