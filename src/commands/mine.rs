//! `arena mine`: has a language model write an agent for a platform's tasks, checks it, and uploads it.

use std::path::PathBuf;

use clap::Args;
use harness::benchmark::tasks::{TaskFilter, UnknownTaskError};
use harness::gateway::price::Price;
use jiff::Timestamp;
use miner::budget::Budget;
use miner::mine::answers::KeptAnswers;
use miner::mine::job::{EarlierAnswers, MinedAgent, MiningJob, MiningObserver};
use miner::mine::plan::MiningSettings;
use miner::mine::transcript::Transcript;
use miner::mine::tryout::Tryout;
use miner::model::replay::RecordingSource;
use miner::model::source::AnswerSource;
use miner::model::spec::{ModelAccess, ModelSpec};
use miner::submit::upload::PublicReceipt;
use miner::work_directory::WorkDirectory;
use platform::api::Receipt;
use platform::client::Client;
use serde_json::{Value, json};
use tasks::{TaskId, TaskView};

use crate::args::{
    MinerArgs, OutputArgs, PlatformArgs, ProfileArgs, SandboxArgs, SeedArgs, TaskArgs,
};
use crate::commands::upload::{MinedFile, upload};
use crate::console::mining::MiningConsole;
use crate::console::{Console, print_json};
use crate::exit::{CommandError, Result};
use crate::interrupt::abort_on_signal;
use crate::output::text::counted;
use crate::sandbox::with_sandbox;

/// Arguments of `mine`.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of the command line are independent")]
pub struct MineArgs {
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    miner: MinerArgs,
    /// Model that writes: PROVIDER:NAME, or sample:good, sample:partial, sample:bad, which need no key
    #[arg(long, env = "ARENA_MODEL", value_name = "MODEL")]
    model: ModelSpec,
    /// Address of the provider's API, for a server of your own
    #[arg(long, env = "ARENA_BASE_URL", value_name = "URL")]
    base_url: Option<String>,
    /// File that holds the provider's key, in place of its environment variable
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    tasks: TaskArgs,
    #[command(flatten)]
    limits: MiningLimitArgs,
    /// Continue from the answers that an earlier run kept, and from those of the uploaded agent
    #[arg(long)]
    resume: bool,
    /// Replace the uploaded agent even if answers of it are lost
    #[arg(long)]
    force: bool,
    /// Directory for a transcript of every exchange, as JSON lines
    #[arg(long, value_name = "DIR")]
    transcripts: Option<PathBuf>,
    /// Directory to record the answers to, for --model replay:DIR
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Do not run anything: needs no Docker, and answers are not checked
    #[arg(long, alias = "no-try")]
    no_check: bool,
    /// Do not upload the agent
    #[arg(long)]
    no_upload: bool,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Also write the agent to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Date for the agent's header
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What the model may use.
#[derive(Args)]
struct MiningLimitArgs {
    /// Number of times to ask the model about one task
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
    /// Limits of the whole run: any of tokens=N,cost=USD,seconds=N
    #[arg(long, default_value = "tokens=2000000,seconds=7200", value_name = "LIMITS")]
    budget: Budget,
    /// Limits of one task
    #[arg(long, default_value = "tokens=200000,seconds=900", value_name = "LIMITS")]
    task_budget: Budget,
    /// US dollars per million input and output tokens, if the provider does not report the cost
    #[arg(long, env = "ARENA_PRICE", value_name = "IN,OUT")]
    price: Option<Price>,
    /// Number of tasks that the model works on at the same time [default: 8 for remote providers, otherwise 1]
    #[arg(long, env = "ARENA_JOBS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Longest answer, in tokens
    #[arg(long, default_value_t = 16_384, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    max_output_tokens: u64,
}

/// Loads the tasks, has the agent written and checked, and delivers it.
pub async fn run(args: MineArgs) -> Result {
    let source = args.open_model()?;
    let MinerArgs { id, work } = &args.miner;
    let work = WorkDirectory::open(work.as_deref(), id).map_err(CommandError::input)?;
    let client = Client::new(&args.platform.url)?;
    let all_tasks = abort_on_signal(async { Ok(client.tasks().await?) }).await?;
    let tasks = chosen(&all_tasks, &args.tasks.filter())?;
    let console = MiningConsole::new(Console::new(), tasks.len());
    let print_line = |line: &str| console.console().print_line(line);
    print_line(&format!("{} from {}", counted(tasks.len(), "task"), args.platform.url));
    let stored = stored_answers(&args, &client, &work, &all_tasks).await?;
    let (answers, earlier) = if args.resume {
        let kept = KeptAnswers::load(&work.answers(), &all_tasks).map_err(CommandError::input)?;
        if let Ok(uploaded) = KeptAnswers::load(&work.uploaded_answers(), &all_tasks) {
            kept.offer_all(&uploaded);
        }
        print_line(&format!("{} answers are kept from an earlier run", kept.count()));
        (kept, EarlierAnswers::Resume)
    } else {
        (KeptAnswers::default(), EarlierAnswers::SetAside)
    };
    let may_have =
        |id: &TaskId| answers.get(id).is_some() || tasks.iter().any(|task| task.id == *id);
    args.check_loss(&lost(&stored, may_have))?;
    let job = MiningJob {
        miner: id.clone(),
        source: &*source,
        settings: args.limits.settings(&args.model),
        all_tasks,
        tasks,
        answers,
        earlier,
        work,
        transcript: args.begin_transcript()?,
        date: args.date.clone(),
    };
    let mined = mine(&args, &job, &console).await?;
    deliver(&args, &job, &mined, &console)?;
    let receipt = if args.no_upload {
        None
    } else {
        args.check_loss(&lost(&stored, |id| job.answers.get(id).is_some()))?;
        let receipt = upload(
            &args.platform,
            MinedFile { miner: id, source: mined.source.clone(), profile: &args.profile },
        )
        .await?;
        job.answers.save(&job.work.uploaded_answers())?;
        Some(receipt)
    };
    if args.output.json {
        print_json(&args.document(&job, &mined, receipt.as_ref()))?;
    }
    match mined.faults.into_iter().next() {
        Some(fault) => Err(CommandError::Fault(fault)),
        None => Ok(()),
    }
}

impl MineArgs {
    fn open_model(&self) -> Result<Box<dyn AnswerSource>> {
        let access = ModelAccess {
            base_url: self.base_url.clone(),
            key_file: self.key_file.clone(),
            ..ModelAccess::default()
        };
        let source = self.model.open(&access)?;
        Ok(match &self.record {
            Some(directory) => Box::new(RecordingSource::new(source, directory)?),
            None => source,
        })
    }

    /// Fails if the stored agent's answers to these tasks would be lost.
    fn check_loss(&self, lost: &[TaskId]) -> Result {
        if lost.is_empty() {
            return Ok(());
        }
        let shown: Vec<_> = lost.iter().take(5).map(TaskId::as_str).collect();
        let more = if lost.len() > shown.len() { ", ..." } else { "" };
        Err(CommandError::Input(format!(
            "not uploaded: {}'s agent at {} has answers to {} tasks that the new one lacks ({}{more}); keep them with \
             --resume, or replace the agent with --force",
            self.miner.id,
            self.platform.url,
            lost.len(),
            shown.join(", ")
        )))
    }

    fn begin_transcript(&self) -> Result<Option<Transcript>> {
        let Some(directory) = &self.transcripts else { return Ok(None) };
        let begun = Transcript::begin(directory, &self.miner.id, Timestamp::now());
        begun.map(Some).map_err(|error| {
            CommandError::Input(format!(
                "cannot write a transcript to {}: {error}; name another directory with --transcripts",
                directory.display()
            ))
        })
    }

    fn document(&self, job: &MiningJob, mined: &MinedAgent, receipt: Option<&Receipt>) -> Value {
        let mut document = serde_json::to_value(job.report(mined)).expect("reports are plain data");
        document["miner_id"] = json!(self.miner.id);
        document["model"] = json!(self.model.to_string());
        document["out"] = json!(self.out);
        document["upload"] = json!(receipt.map(PublicReceipt::from));
        document
    }
}

impl MiningLimitArgs {
    fn settings(&self, model: &ModelSpec) -> MiningSettings {
        let Self { attempts, budget, task_budget, price, max_output_tokens, jobs } = *self;
        let jobs = jobs.map_or_else(|| model.default_jobs(), usize::from);
        MiningSettings { attempts, budget, task_budget, price, max_output_tokens, jobs }
    }
}

/// Runs the job, in a sandbox unless nothing is to be run.
async fn mine(args: &MineArgs, job: &MiningJob<'_>, console: &MiningConsole) -> Result<MinedAgent> {
    let on_event = |event| console.event(event, job.answers.passing());
    let trials = console.console().round_listener();
    let observer = &MiningObserver { on_event: &on_event, trials };
    let run = async |tryout: Option<Tryout>| Ok(job.run(tryout.as_ref(), observer).await?);
    let mined = if args.no_check {
        Box::pin(abort_on_signal(run(None))).await
    } else {
        let seed = args.seed.seed();
        let work = |sandbox| run(Some(Tryout { sandbox, seed }));
        Box::pin(with_sandbox(&args.sandbox.settings(), console.console(), work)).await
    };
    console.finish();
    mined.map_err(|error| match error {
        CommandError::Interrupted(_) if job.answers.count() > 0 => {
            CommandError::Interrupted(format!(
                "; {} answers are kept in {}, and --resume continues from them",
                job.answers.count(),
                job.work.answers().display()
            ))
        }
        error => error,
    })
}

/// Writes the agent to its files, and prints where it is unless it is to be uploaded.
fn deliver(
    args: &MineArgs,
    job: &MiningJob<'_>,
    mined: &MinedAgent,
    console: &MiningConsole,
) -> Result {
    if let Some(checked) = &mined.checked {
        console.checked(checked);
    }
    if let Some(out) = &args.out {
        std::fs::write(out, &mined.source).map_err(|error| {
            CommandError::Fault(format!("cannot write the agent to {}: {error}", out.display()))
        })?;
        console.console().print_line(&format!("agent: {}", out.display()));
    }
    job.keep(mined)?;
    if args.no_upload && args.out.is_none() {
        console.console().print_line(&format!("agent: {}", job.work.agent().display()));
    }
    Ok(())
}

/// The answers of the agent that the platform has of this miner, as far as they are known here. None of them may be
/// lost without `--force`.
async fn stored_answers(
    args: &MineArgs,
    client: &Client,
    work: &WorkDirectory,
    tasks: &[TaskView],
) -> Result<KeptAnswers> {
    if args.force || args.no_upload {
        return Ok(KeptAnswers::default());
    }
    let stored = abort_on_signal(async { Ok(client.agent(&args.miner.id).await) }).await?;
    match stored {
        Err(error) if error.status().is_some_and(|status| status.as_u16() == 404) => {
            return Ok(KeptAnswers::default());
        }
        stored => stored?,
    };
    let known = [work.uploaded_answers(), work.answers()].into_iter();
    let mut known = known.filter_map(|path| KeptAnswers::load(&path, tasks).ok());
    Ok(known.next().unwrap_or_default())
}

/// The tasks that the stored agent has an answer to, and the new one has not.
fn lost(stored: &KeptAnswers, has_new: impl Fn(&TaskId) -> bool) -> Vec<TaskId> {
    stored.tasks().into_iter().filter(|id| !has_new(id)).collect()
}

/// The chosen ones of the platform's tasks.
fn chosen(all: &[TaskView], filter: &TaskFilter) -> Result<Vec<TaskView>> {
    let unknown = |error: UnknownTaskError| {
        let names: Vec<_> = all.iter().map(|task| task.id.as_str()).collect();
        let UnknownTaskError { pattern, suggestion } = error;
        CommandError::Input(format!(
            "unknown task '{}'{suggestion}; the platform serves {}",
            pattern.escape_debug(),
            names.join(", ")
        ))
    };
    filter.choose(all.to_vec(), |task| (&task.id, task.family)).map_err(unknown)
}
