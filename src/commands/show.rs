//! `arena show`: which trials of a round failed, and how, from the trial records of the store.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use harness::choice::did_you_mean;
use harness::gateway::journal::Journal;
use harness::gateway::round::journal_path;
use harness::round::results::trials_of;
use harness::round::stored::{StoredContestant, StoredRound, StoredTrial, TrialChoice};
use harness::scoring::report::score as number;
use harness::scoring::score::{TrialScores, agent_score};
use harness::trial::instance::RoundTask;
use harness::trial::place::RoundShape;
use platform::api::{DisclosedTrial, FaultRecord, RoundStatus, trial_name};
use serde::Serialize;
use serde_json::json;
use tasks::Verdict;

use crate::args::{BenchmarkArgs, DiscloseArgs, PrivateArgs, StoreArgs};
use crate::commands::similar::{self, SimilarArgs};
use crate::console::{print, print_json};
use crate::exit::{CommandError, Result};
use crate::output::conversation;
use crate::output::format::{FormatArgs, OutputFormat};
use crate::output::junit::junit;
use crate::output::sheet::Sheet;
use crate::output::text::{counted, painted, without_controls};
use crate::output::trials::{self, TrialRow, TrialsView};

/// Arguments of `show`.
#[derive(Args)]
pub struct ShowArgs {
    /// Show this agent's trials
    #[arg(value_name = "AGENT")]
    agent: Option<String>,
    /// Show everything about the agent's trial on this task
    #[arg(value_name = "TASK")]
    task: Option<String>,
    /// Leave out the tasks that passed
    #[arg(long, conflicts_with = "verbose")]
    failed: bool,
    /// Show every task by itself, with all kinds of failure
    #[arg(long)]
    verbose: bool,
    /// Show only this repetition of the agent's trials, from 1
    #[arg(long, value_name = "N", requires = "agent", value_parser = clap::value_parser!(u32).range(1..))]
    repetition: Option<u32>,
    /// Print what the agent asked its model on the task, and what it was answered
    #[arg(long, requires = "task")]
    model_log: bool,
    #[command(flatten)]
    similar: SimilarArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    private: PrivateArgs,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    output: FormatArgs,
}

/// A case: its name, its verdict and what happened.
type CaseLine<'a> = (&'a str, &'static str, &'a str);

/// The trials of an agent.
#[derive(Serialize)]
struct AgentTrials {
    miner_id: String,
    /// The mean of the task scores; null if a trial is not judged
    score: Option<f64>,
    trials: Vec<DisclosedTrial>,
    not_judged: Vec<FaultRecord>,
}

/// Reads the trial records of the round, and prints them.
pub fn run(args: &ShowArgs) -> Result {
    let store = args.store.open_existing()?;
    if let Some(base) = args.similar.base()? {
        return similar::run(&store, args.agent.as_deref(), &base, args.output.format());
    }
    let benchmark = args.benchmark.read()?;
    let private = args.private.read(benchmark.as_ref(), None)?;
    let round =
        StoredRound::read(&store, benchmark.as_ref(), private.as_ref())?.ok_or_else(|| {
            let root = store.root().display();
            CommandError::Input(format!("{root} holds no judged round; run 'arena evaluate' first"))
        })?;
    let mut round = round;
    args.choose(&mut round)?;
    if args.model_log {
        let journals = store.model_dir(&round.definition.id);
        let mut exchanges = Vec::new();
        for (task, repetition) in args.trials(&round) {
            let trial = TrialChoice { agent: &round.agents[0], task, repetition };
            exchanges.extend(Journal::read(&journal_path(&journals, &round.key(trial)))?);
        }
        return if args.output.format() == OutputFormat::Json {
            print_json(&exchanges)
        } else {
            print(&conversation::text(&exchanges))
        };
    }
    let agents = round.agents.iter().map(|agent| args.read(&round, agent));
    let agents = agents.collect::<Result<Vec<_>>>()?;
    match args.output.format() {
        OutputFormat::Text => print(&args.text(&round, &agents)),
        OutputFormat::Json => args.print_json(&round, agents),
        OutputFormat::Junit => print(&junit(&rows(&agents))),
        OutputFormat::Csv => print(&args.sheet(&agents).csv()),
        OutputFormat::Markdown => print(&args.sheet(&agents).markdown()),
    }
}

impl ShowArgs {
    /// Leaves only the named agent and task in the round.
    fn choose(&self, round: &mut StoredRound) -> Result {
        if let Some(name) = &self.agent {
            let names = round.agents.iter().map(|agent| agent.miner_id.as_str());
            let suggestion = did_you_mean(name, names);
            round.agents.retain(|agent| agent.miner_id.as_str() == name);
            if round.agents.is_empty() {
                return Err(CommandError::Input(format!(
                    "no agent '{}' is in round {}{suggestion}; 'arena show' lists its agents",
                    name.escape_debug(),
                    round.definition.id
                )));
            }
        }
        let repeat = round.definition.repeat;
        if let Some(repetition) = self.repetition.filter(|repetition| *repetition > repeat) {
            return Err(CommandError::Input(format!(
                "there is no repetition {repetition} in round {}: each trial ran {}",
                round.definition.id,
                if repeat == 1 { "once".to_owned() } else { format!("{repeat} times") }
            )));
        }
        if let Some(id) = &self.task {
            let suggestion = did_you_mean(id, round.tasks.iter().map(|task| task.id().as_str()));
            round.tasks.retain(|task| task.id().as_str() == id);
            if round.tasks.is_empty() {
                return Err(CommandError::Input(format!(
                    "no task '{}' is in round {}{suggestion}; 'arena show AGENT' lists its tasks",
                    id.escape_debug(),
                    round.definition.id
                )));
            }
        }
        Ok(())
    }

    fn read(&self, round: &StoredRound, agent: &StoredContestant) -> Result<AgentTrials> {
        let (mut trials, mut not_judged) = (Vec::new(), Vec::new());
        // One repetition that was chosen alone is the whole score.
        let repeat = if self.repetition.is_some() { 1 } else { round.definition.repeat };
        let shape = RoundShape { tasks: round.tasks.len(), repeat };
        let mut scores = TrialScores::new(shape);
        for (place, (task, repetition)) in shape.places().zip(self.trials(round)) {
            match round.trial(TrialChoice { agent, task, repetition }, self.disclose.disclose)? {
                StoredTrial::Judged(trial) => {
                    scores.insert(place, trial.record.score());
                    trials.push(*trial);
                }
                StoredTrial::NotJudged(fault) => not_judged.push(fault),
            }
        }
        let score = not_judged.is_empty().then(|| {
            let scores = scores.by_task(round.tasks.iter().map(RoundTask::id));
            let weighted = |task: &RoundTask| Some((scores.get(task.id())?, task.task.weight));
            agent_score(round.tasks.iter().filter_map(weighted))
        });
        Ok(AgentTrials { miner_id: agent.miner_id.to_string(), score, trials, not_judged })
    }

    /// The trials of an agent that are shown.
    fn trials<'a>(
        &self,
        round: &'a StoredRound,
    ) -> impl Iterator<Item = (&'a RoundTask, u32)> + use<'a> {
        let only = self.repetition;
        trials_of(&round.tasks, round.definition.repeat)
            .filter(move |(_, repetition)| only.is_none_or(|only| only == *repetition))
    }

    fn sheet(&self, agents: &[AgentTrials]) -> Sheet {
        if self.agent.is_some() { trials::sheet(&rows(agents)) } else { summary(agents) }
    }

    fn text(&self, round: &StoredRound, agents: &[AgentTrials]) -> String {
        let heading = format!("{}\n", heading(round));
        let ([agent], Some(_)) = (agents, &self.agent) else {
            return heading + &summary(agents).text();
        };
        if let (Some(_), [_, ..]) = (&self.task, &agent.trials[..]) {
            let details: Vec<_> = agent.trials.iter().map(details).collect();
            return heading + &details.join("\n");
        }
        let view = match (self.failed, self.verbose) {
            (true, _) => TrialsView::Failed,
            (_, true) => TrialsView::Verbose,
            _ => TrialsView::Grouped,
        };
        let limits = round.tasks.iter().map(|task| (task.id().clone(), task.task.limits)).collect();
        let mut text = heading + &trials::text(&agent.trials, &limits, view);
        for FaultRecord { task, repetition, fault, .. } in &agent.not_judged {
            let trial = trial_name(task, *repetition);
            let _ = writeln!(text, "{trial}: not judged: {}", without_controls(fault));
        }
        let score = agent.score.map_or_else(
            || format!("{} not judged", counted(agent.not_judged.len(), "trial")),
            number,
        );
        let _ = writeln!(text, "\nscore: {score}");
        text
    }

    fn print_json(&self, round: &StoredRound, mut agents: Vec<AgentTrials>) -> Result {
        let about = json!({
            "id": round.definition.id, "status": round.status,
            "commitment": round.definition.commitment(),
        });
        if self.agent.is_some()
            && let Some(agent) = agents.pop()
        {
            return print_json(&json!({ "round": about, "agent": agent }));
        }
        let agents: Vec<_> = agents
            .iter()
            .map(|agent| {
                json!({
                    "miner_id": agent.miner_id, "score": agent.score,
                    "verdicts": verdicts(agent), "not_judged": agent.not_judged,
                })
            })
            .collect();
        print_json(&json!({ "round": about, "agents": agents }))
    }
}

fn heading(round: &StoredRound) -> String {
    let id = &round.definition.id;
    match round.status {
        RoundStatus::Open => format!("open round {id}"),
        RoundStatus::Closed => format!("round {id}"),
    }
}

fn rows(agents: &[AgentTrials]) -> Vec<TrialRow> {
    let of = |agent: &AgentTrials| {
        let judged = agent.trials.iter().map(TrialRow::judged);
        judged.chain(agent.not_judged.iter().map(TrialRow::fault)).collect::<Vec<_>>()
    };
    agents.iter().flat_map(of).collect()
}

/// How many trials ended with each verdict.
fn verdicts(agent: &AgentTrials) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for trial in &agent.trials {
        *counts.entry(trial.record.verdict.code()).or_default() += 1;
    }
    counts
}

/// A row for each agent.
fn summary(agents: &[AgentTrials]) -> Sheet {
    let mut sheet = Sheet::new(["agent", "#score", "#tasks", "#passed", "failed", "#not judged"]);
    for agent in agents {
        let mut counts = verdicts(agent);
        let passed = counts.remove(Verdict::Accepted.code()).unwrap_or_default();
        let failed: Vec<_> = counts.iter().map(|(code, count)| format!("{count} {code}")).collect();
        sheet.push([
            agent.miner_id.clone(),
            agent.score.map(number).unwrap_or_default(),
            (agent.trials.len() + agent.not_judged.len()).to_string(),
            passed.to_string(),
            failed.join(" "),
            match agent.not_judged.len() {
                0 => String::new(),
                count => count.to_string(),
            },
        ]);
    }
    sheet
}

/// Everything about a trial.
fn details(trial: &DisclosedTrial) -> String {
    let record = &trial.record;
    let mut text = format!(
        "{} on {}: {}, {} of {} cases, score {}\nagent: sha256 {}\n",
        trial.miner_id,
        record.name(),
        painted(record.verdict.code()),
        record.passed,
        record.total,
        number(record.score),
        record.agent_sha256
    );
    let _ = writeln!(
        text,
        "used: {} ms, {} ms of CPU time, {} MiB",
        record.wall_ms,
        record.cpu_ms,
        record.peak_memory_bytes >> 20
    );
    let more = |truncated: bool| if truncated { " and more" } else { "" };
    let _ = writeln!(
        text,
        "printed: {} bytes{}; stderr: {} bytes{}",
        record.stdout.len(),
        more(record.stdout_truncated),
        record.stderr.len(),
        more(record.stderr_truncated)
    );
    for (index, attempt) in record.attempts.iter().enumerate() {
        let end = attempt.fault.as_deref().map_or("a verdict".to_owned(), without_controls);
        let _ = writeln!(text, "attempt {}: {end}", index + 1);
    }
    text + &cases(trial).text() + &trials::stderr(trial)
}

/// The cases of a trial. Successive ones that ended alike and of which nothing else is known share a row.
fn cases(trial: &DisclosedTrial) -> Sheet {
    let mut sheet = Sheet::new(["case", "verdict", "what happened"]);
    let lines: Vec<_> = trial.record.case_lines().collect();
    let is_alike =
        |a: &CaseLine<'_>, b: &CaseLine<'_>| a.1 == b.1 && a.2.is_empty() && b.2.is_empty();
    for alike in lines.chunk_by(is_alike) {
        let (name, code, detail) = alike[0];
        let name = match alike {
            [_, .., (last, ..)] => format!("{name} to {last} ({})", alike.len()),
            _ => name.to_owned(),
        };
        sheet.push([name, code.to_owned(), detail.to_owned()]);
    }
    sheet
}
