//! `miner mine`: from a platform's task list to an uploaded agent.

use harness::check::Checked;
use miner::assembly::{self, Making};
use miner::mine::{self, Answers, MineError, Plan};
use miner::source::Source;
use miner::source::provider::Patience;
use miner::tryout::Tryout;
use platform::client::Client;
use platform::store::Receipt;
use serde_json::json;
use tasks::{Sha256, TaskView};

use super::tryout::chosen;
use super::{Failure, seed, unless_interrupted, upload, with_sandbox};
use crate::cli::Mine;
use crate::console::{self, Console};

/// Has the agent written, tries it, uploads it.
pub async fn run(args: Mine) -> Result<(), Failure> {
    let source = 
        args.model.open(args.base_url.as_deref(), args.key_file.as_deref(), Patience::STANDARD)?;
    let console = Console::new();
    let client = Client::new(&args.platform.platform)?;
    let tasks = unless_interrupted(async { Ok(client.tasks().await?) }).await?;
    let tasks = chosen(tasks, &args.tasks, |task| task.id.as_str())?;
    console.say(&format!("{} tasks from {}", tasks.len(), args.platform.platform));

    let work = Work { args: &args, source: &*source, tasks: &tasks, console: &console };
    let made = if args.no_try {
        unless_interrupted(work.make(None)).await?
    } else {
        let seed = seed(args.seed);
        let make = |sandbox| {
            let work = &work;
            async move { work.make(Some(Tryout { sandbox, seed })).await }
        };
        with_sandbox(&args.options, &console, make).await?
    };
    console.finish();
    deliver(&args, &tasks, made).await
}

struct Work<'a> {
    args: &'a Mine,
    source: &'a dyn Source,
    tasks: &'a [TaskView],
    console: &'a Console,
}

/// An agent, and what came of trying it.
struct Made {
    agent: String,
    answers: Answers,
    checked: Option<Checked>,
}

impl Work<'_> {
    async fn make(&self, tryout: Option<Tryout>) -> Result<Made, Failure> {
        let answers = Answers::default();
        let plan =
            Plan { tasks: self.tasks, attempts: self.args.attempts, tryout: tryout.as_ref() };
        let on_event = |event| self.console.mine_event(event);
        match mine::run(self.source, &plan, &answers, &on_event).await {
            Err(MineError::Source(error)) if !answers.parts(self.tasks).is_empty() => {
                self.console.say(&format!("stopped early: {error}"));
            }
            ended => ended?,
        }
        let making = Making { by: self.source.name(), date: self.args.date.clone() };
        let agent = assembly::assemble(&answers.parts(self.tasks), &making)
            .map_err(|error| Failure::Fault(error.to_string()))?;
        let checked = match tryout {
            Some(tryout) => {
                let listener = self.console.listener();
                let checked = tryout.run(&agent, self.tasks, listener).await?;
                self.console.tried(&checked);
                Some(checked)
            }
            None => None,
        };
        Ok(Made { agent, answers, checked })
    }
}

/// Writes the agent where it was asked for, uploads it, and says so.
async fn deliver(args: &Mine, tasks: &[TaskView], made: Made) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        std::fs::write(out, &made.agent).map_err(|cause| {
            Failure::Fault(format!("cannot write the agent to {}: {cause}", out.display()))
        })?;
        console::say(&format!("the agent is in {}", out.display()));
    }
    let receipt = if args.no_upload {
        None
    } else {
        let sending = upload::upload(&args.platform, &args.miner, made.agent.clone());
        let receipt = unless_interrupted(sending).await?;
        console::uploaded(&receipt);
        Some(receipt)
    };
    if args.json {
        console::document(&document(args, tasks, &made, receipt.as_ref()))?;
    }
    Ok(())
}

fn document(
    args: &Mine,
    tasks: &[TaskView],
    made: &Made,
    receipt: Option<&Receipt>,
) -> serde_json::Value {
    let trials = made.checked.iter().flat_map(|checked| &checked.trials);
    let scores: Vec<_> = trials.map(|trial| (&trial.result.task, trial.result.score())).collect();
    let task = |view: &TaskView| {
        let score = scores.iter().find(|(id, _)| **id == view.id).map(|(_, score)| score);
        let best = made.answers.get(&view.id);
        let attempts = best.as_ref().map_or(0, |best| best.attempts);
        json!({ "id": view.id, "answered": best.is_some(), "attempts": attempts, "tried": score })
    };
    json!({
        "miner_id": args.miner,
        "model": args.model.to_string(),
        "agent_sha256": Sha256::of(made.agent.as_bytes()),
        "score": made.checked.as_ref().map(|checked| checked.score),
        "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
        "out": args.out,
        "upload": receipt.map(upload::shown),
    })
}
