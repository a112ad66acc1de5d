//! `miner mine`: from a platform's task list to an uploaded agent.

use std::sync::{Mutex, Once};

use harness::round::check::CheckOutcome;
use jiff::Timestamp;
use miner::answers::Answers;
use miner::assembly::{self, Making};
use miner::mine::{self, Event, MineError, Plan};
use miner::source::provider::Patience;
use miner::source::replay::Recorder;
use miner::source::{Source, SourceError};
use miner::transcript::Transcript;
use miner::tryout::Tryout;
use miner::work::WorkFolder;
use platform::api::Receipt;
use platform::client::Client;
use platform::store::write_atomically;
use serde_json::json;
use tasks::{Sha256, TaskView};

use super::tryout::chosen;
use super::{Failure, seed, unless_interrupted, upload, with_sandbox};
use crate::cli::Mine;
use crate::console::{self, Console};

/// Has the agent written, tries it, uploads it.
pub async fn run(args: Mine) -> Result<(), Failure> {
    let source = open(&args)?;
    let folder = WorkFolder::open(args.work.as_deref(), &args.miner).map_err(Failure::Input)?;
    let client = Client::new(&args.platform.platform)?;
    let all = unless_interrupted(async { Ok(client.tasks().await?) }).await?;
    let tasks = chosen(all.clone(), &args.tasks, |task| task.id.as_str())?;
    console::say(&format!("{} tasks from {}", tasks.len(), args.platform.platform));
    let answers = if args.resume {
        let loaded = Answers::load(&folder.answers(), &all);
        let loaded = loaded.map_err(|error| Failure::Input(error.to_string()))?;
        console::say(&format!("{} answers are there already", loaded.count()));
        loaded
    } else {
        Answers::default()
    };
    let transcript = match &args.transcripts {
        Some(folder) => {
            let begun = Transcript::begin(folder, &args.miner, Timestamp::now());
            Some(begun.map_err(|cause| {
                Failure::Input(format!("cannot write to {}: {cause}", folder.display()))
            })?)
        }
        None => None,
    };
    let console = Console::for_tasks(tasks.len());
    let transcript = transcript.as_ref();
    let first_fault = Mutex::new(None);
    let work = Work {
        args: &args,
        source: &*source,
        all,
        tasks,
        answers,
        folder,
        set_aside: Once::new(),
        transcript,
        console,
        first_fault,
    };
    work.run().await
}

fn open(args: &Mine) -> Result<Box<dyn Source>, SourceError> {
    let (base_url, key_file) = (args.base_url.as_deref(), args.key_file.as_deref());
    let source = args.model.open(base_url, key_file, Patience::STANDARD)?;
    Ok(match &args.record {
        Some(folder) => Box::new(Recorder::new(source, folder)?),
        None => source,
    })
}

struct Work<'a> {
    args: &'a Mine,
    source: &'a dyn Source,
    /// What the platform asks. Kept answers go into the agent whether they are asked for or not.
    all: Vec<TaskView>,
    /// What is asked for in this run.
    tasks: Vec<TaskView>,
    answers: Answers,
    folder: WorkFolder,
    set_aside: Once,
    transcript: Option<&'a Transcript>,
    console: Console,
    /// The first thing that failed on the way. It makes the exit status, but what is there is delivered all
    /// the same.
    first_fault: Mutex<Option<String>>,
}

/// An agent, and what came of trying it.
struct Made {
    agent: String,
    checked: Option<CheckOutcome>,
    /// Why not all was asked that was to be asked.
    stopped: Option<String>,
}

impl Work<'_> {
    async fn run(&self) -> Result<(), Failure> {
        let made = if self.args.no_try {
            Box::pin(unless_interrupted(self.make(None))).await
        } else {
            let seed = seed(self.args.seed);
            let make = |sandbox| self.make(Some(Tryout { sandbox, seed }));
            Box::pin(with_sandbox(&self.args.options, &self.console, make)).await
        };
        self.console.finish();
        let made = made.map_err(|failure| self.with_what_is_kept(failure))?;
        self.deliver(&made).await?;
        match self.first_fault.lock().ok().and_then(|mut fault| fault.take()) {
            Some(fault) => Err(Failure::Fault(fault)),
            None => Ok(()),
        }
    }

    async fn make(&self, tryout: Option<Tryout>) -> Result<Made, Failure> {
        let Mine { attempts, budget, task_budget, price, max_output_tokens, .. } = *self.args;
        let (tasks, tryout) = (&self.tasks[..], tryout.as_ref());
        let plan = Plan { tasks, attempts, tryout, budget, task_budget, price, max_output_tokens };
        let on_event = |event: Event| self.hear(event);
        let stopped = match mine::run(self.source, &plan, &self.answers, &on_event).await {
            // With what is there an agent can be made all the same.
            Err(error @ MineError::Budget(_)) if self.answers.count() > 0 => {
                let why = error.to_string();
                self.console.say(&format!("stopped early: {why}"));
                Some(why)
            }
            Err(MineError::Source(SourceError::Failed(why))) if self.answers.count() > 0 => {
                self.keep_fault(Err(format!("stopped early: {why}")));
                Some(why)
            }
            ended => {
                ended?;
                None
            }
        };
        let making = Making { by: self.source.name(), date: self.args.date.clone() };
        let agent = assembly::assemble(&self.answers.parts(&self.all), &making)
            .map_err(|error| Failure::Fault(error.to_string()))?;
        let checked = match tryout {
            Some(tryout) => {
                self.console.finish();
                let listener = self.console.listener();
                let answered = |task: &&TaskView| self.answers.get(&task.id).is_some();
                let answered: Vec<_> = self.all.iter().filter(answered).cloned().collect();
                let checked = tryout.run(&agent, &answered, listener).await?;
                self.console.tried(&checked);
                let fault = checked.faults.first().cloned();
                self.keep_fault(fault.map_or(Ok(()), Err));
                Some(checked)
            }
            None => None,
        };
        Ok(Made { agent, checked, stopped })
    }

    /// Shows what happens, and keeps what came of it.
    fn hear(&self, event: Event) {
        if let Event::Exchanged(exchange) = &event {
            if let Some(transcript) = self.transcript {
                let added = transcript.add(&self.args.miner, Timestamp::now(), exchange);
                let path = transcript.path().display();
                self.keep_fault(added.map_err(|error| format!("cannot write to {path}: {error}")));
            }
            self.save();
        }
        self.console.mine_event(event, self.answers.passing());
    }

    fn save(&self) {
        if !self.args.resume {
            self.set_aside.call_once(|| match self.folder.set_answers_aside() {
                Ok(None) => {}
                Ok(Some(aside)) => {
                    let aside = aside.display();
                    self.console.say(&format!("the answers of an earlier run are in {aside} now"));
                }
                Err(error) => self.keep_fault(Err(format!("cannot keep earlier answers: {error}"))),
            });
        }
        let saved = self.answers.save(&self.folder.answers());
        self.keep_fault(saved.map_err(|error| error.to_string()));
    }

    fn keep_fault(&self, done: Result<(), String>) {
        if let (Err(fault), Ok(mut first)) = (done, self.first_fault.lock()) {
            first.get_or_insert(fault);
        }
    }

    fn with_what_is_kept(&self, failure: Failure) -> Failure {
        let count = self.answers.count();
        match failure {
            Failure::Interrupted(_) if count > 0 => Failure::Interrupted(format!(
                "; {count} answers are kept in {}, and --resume goes on from them",
                self.folder.answers().display()
            )),
            failure => failure,
        }
    }

    /// Writes the agent where it was asked for, uploads it, and says so.
    async fn deliver(&self, made: &Made) -> Result<(), Failure> {
        let args = self.args;
        if let Some(out) = &args.out {
            std::fs::write(out, &made.agent).map_err(|cause| {
                Failure::Fault(format!("cannot write the agent to {}: {cause}", out.display()))
            })?;
            console::say(&format!("the agent is in {}", out.display()));
        }
        write_atomically(&self.folder.agent(), made.agent.as_bytes())?;
        let receipt = if args.no_upload {
            None
        } else {
            let sending = upload::upload(&args.platform, &args.miner, made.agent.clone());
            let receipt = sending.await?;
            console::uploaded(&receipt);
            Some(receipt)
        };
        if args.json {
            console::document(&self.document(made, receipt.as_ref()))?;
        }
        Ok(())
    }

    fn document(&self, made: &Made, receipt: Option<&Receipt>) -> serde_json::Value {
        let trials = made.checked.iter().flat_map(|checked| &checked.trials);
        let scores: Vec<_> =
            trials.map(|trial| (&trial.record.task, trial.record.score())).collect();
        let task = |view: &TaskView| {
            let score = scores.iter().find(|(id, _)| **id == view.id).map(|(_, score)| score);
            let best = self.answers.get(&view.id);
            json!({
                "id": view.id,
                "answered": best.is_some(),
                "attempt": best.map(|best| best.attempt),
                "tried": score,
            })
        };
        let shown =
            |view: &&TaskView| self.tasks.contains(view) || self.answers.get(&view.id).is_some();
        json!({
            "miner_id": self.args.miner,
            "model": self.args.model.to_string(),
            "agent_sha256": Sha256::of(made.agent.as_bytes()),
            "score": made.checked.as_ref().map(|checked| checked.score),
            "tasks": self.all.iter().filter(shown).map(task).collect::<Vec<_>>(),
            "stopped": made.stopped,
            "usage": self.console.spent(),
            "out": self.args.out,
            "transcript": self.transcript.map(Transcript::path),
            "upload": receipt.map(upload::shown),
        })
    }
}
