//! `arena show --similar`: agents of the store that are copies and near copies of earlier ones.

use std::collections::HashMap;
use std::thread;

use clap::Args;
use harness::choice::did_you_mean;
use platform::api::{AgentHistory, MinerId};
use platform::similarity::survey::{SimilarAgent, Survey, SurveyError, SurveyPlan, survey};
use platform::store::Store;

use crate::args::BaseCodeArgs;
use crate::console::{print, print_json, print_line};
use crate::exit::{CommandError, Result};
use crate::output::format::OutputFormat;
use crate::output::similar::{SimilarView, sheet, text};

/// Arguments of `show` that list similar agents.
#[derive(Args)]
pub struct SimilarArgs {
    /// List similar agents instead, without a round: for one agent, where they share code, with a diff
    #[arg(long, conflicts_with_all = ["task", "failed", "verbose"])]
    similar: bool,
    #[command(flatten)]
    base: BaseCodeArgs,
}

impl SimilarArgs {
    /// The published code, if similar agents are to be listed.
    pub fn base(&self) -> Result<Option<Vec<String>>> {
        if !self.similar && self.base.is_given() {
            return Err(CommandError::Input(
                "--base-code says what similar agents may share: give it with --similar".to_owned(),
            ));
        }
        self.similar.then(|| self.base.read()).transpose()
    }
}

/// Prints the similar agents of the store, or those of one agent with their diffs.
pub fn run(store: &Store, agent: Option<&str>, base: &[String], format: OutputFormat) -> Result {
    let listing = store.agents()?;
    for damaged in &listing.damaged {
        print_line(&format!("warning: {damaged}"));
    }
    let agents: Vec<_> = listing.agents.into_iter().map(AgentHistory::from).collect();
    let only = agent.map(|name| chosen(&agents, name)).transpose()?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let plan = SurveyPlan { base, only: only.as_ref(), threads };
    let found = survey(store, agents, plan).map_err(|error| match error {
        SurveyError::Store(error) => error.into(),
        SurveyError::System(_) => CommandError::Fault(error.to_string()),
    })?;
    for unread in &found.unread {
        print_line(&format!("warning: {unread}"));
    }
    let views = views(store, &found, only.is_some())?;
    match format {
        OutputFormat::Text if views.is_empty() => print(&none_found(&found, only.as_ref())),
        OutputFormat::Text if only.is_some() => print(&text(&views)),
        OutputFormat::Text => print(&sheet(&views).text()),
        OutputFormat::Csv => print(&sheet(&views).csv()),
        OutputFormat::Markdown => print(&sheet(&views).markdown()),
        OutputFormat::Json => print_json(&serde_json::json!({
            "agents": found.agents, "similar": views, "unread": found.unread,
        })),
        OutputFormat::Junit => Err(CommandError::Input(
            "--similar has no JUnit form: similar agents are not tests; use --json".to_owned(),
        )),
    }
}

fn chosen(agents: &[AgentHistory], name: &str) -> Result<MinerId> {
    let ids = || agents.iter().map(|agent| &agent.current.miner_id);
    ids().find(|id| id.as_str() == name).cloned().ok_or_else(|| {
        let suggestion = did_you_mean(name, ids().map(MinerId::as_str));
        CommandError::Input(format!(
            "no agent '{}' is stored{suggestion}; 'arena agents' lists the stored ones",
            name.escape_debug()
        ))
    })
}

/// The pairs, on request with the text of both.
fn views<'a>(store: &Store, found: &'a Survey, with_diff: bool) -> Result<Vec<SimilarView<'a>>> {
    let mut sources = HashMap::new();
    let mut source = |agent: &'a SimilarAgent| -> Result<String> {
        if let Some(known) = sources.get(&agent.sha256) {
            return Ok(String::clone(known));
        }
        let text = store.source_of_version(&agent.miner_id, &agent.sha256)?;
        sources.insert(&agent.sha256, text.clone());
        Ok(text)
    };
    let view = |pair| {
        if !with_diff {
            return Ok(SimilarView::without_diff(pair));
        }
        Ok(SimilarView::with_diff(pair, &source(&pair.earlier)?, &source(&pair.later)?))
    };
    found.similar.iter().map(view).collect()
}

fn none_found(found: &Survey, only: Option<&MinerId>) -> String {
    match only {
        Some(only) => {
            format!(
                "{only} is not similar to any of the other {} agents\n",
                found.agents.saturating_sub(1)
            )
        }
        None => format!("none of {} agents are similar\n", found.agents),
    }
}
