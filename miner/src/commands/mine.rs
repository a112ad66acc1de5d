//! `miner mine`: from a platform's task list to an uploaded agent.

use jiff::Timestamp;
use miner::mine::answers::KeptAnswers;
use miner::mine::event::MiningEvent;
use miner::mine::job::{EarlierAnswers, MinedAgent, MiningJob, MiningObserver};
use miner::mine::plan::MiningSettings;
use miner::mine::transcript::Transcript;
use miner::mine::tryout::Tryout;
use miner::model::replay::RecordingSource;
use miner::model::source::{AnswerSource, AnswerSourceError};
use miner::model::spec::ModelAccess;
use miner::submit::upload::PublicReceipt;
use miner::work_directory::WorkDirectory;
use platform::client::Client;
use platform::store::Receipt;

use super::tryout::chosen;
use super::{Failure, seed, unless_interrupted, upload, with_sandbox};
use crate::cli::Mine;
use crate::console::{self, Console};

/// Mines an agent, tries it and uploads it.
pub async fn run(args: Mine) -> Result<(), Failure> {
    let source = open(&args)?;
    let work = WorkDirectory::open(args.work.as_deref(), &args.miner)?;
    let client = Client::new(&args.platform.platform)?;
    let all = unless_interrupted(async { Ok(client.tasks().await?) }).await?;
    let tasks = chosen(all.clone(), &args.tasks, |task| task.id.as_str())?;
    console::say(&format!("{} tasks from {}", tasks.len(), args.platform.platform));
    let (answers, earlier) = if args.resume {
        let loaded = KeptAnswers::load(&work.answers(), &all);
        let loaded = loaded.map_err(|error| Failure::Input(error.to_string()))?;
        console::say(&format!("{} answers are there already", loaded.count()));
        (loaded, EarlierAnswers::Resume)
    } else {
        (KeptAnswers::default(), EarlierAnswers::SetAside)
    };
    let transcript = match &args.transcripts {
        Some(directory) => {
            let begun = Transcript::begin(directory, &args.miner, Timestamp::now());
            Some(begun.map_err(|cause| {
                Failure::Input(format!("cannot write to {}: {cause}", directory.display()))
            })?)
        }
        None => None,
    };
    let Mine { attempts, budget, task_budget, price, max_output_tokens, .. } = args;
    let console = Console::for_tasks(tasks.len());
    let job = MiningJob {
        miner: args.miner.clone(),
        source: &*source,
        settings: MiningSettings {
            attempts,
            budget,
            task_budget,
            price,
            max_output_tokens,
            jobs: 1,
        },
        all_tasks: all,
        tasks,
        answers,
        earlier,
        work,
        transcript,
        date: args.date.clone(),
    };
    let mined = mine(&args, &job, &console).await.map_err(|failure| kept(failure, &job))?;
    if let Some(checked) = &mined.checked {
        console.tried(checked);
    }
    deliver(&args, &job, &mined).await?;
    match mined.faults.into_iter().next() {
        Some(fault) => Err(Failure::Fault(fault)),
        None => Ok(()),
    }
}

fn open(args: &Mine) -> Result<Box<dyn AnswerSource>, AnswerSourceError> {
    let (base_url, key_file) = (args.base_url.clone(), args.key_file.clone());
    let source = args.model.open(&ModelAccess { base_url, key_file, ..ModelAccess::default() })?;
    Ok(match &args.record {
        Some(directory) => Box::new(RecordingSource::new(source, directory)?),
        None => source,
    })
}

async fn mine(args: &Mine, job: &MiningJob<'_>, console: &Console) -> Result<MinedAgent, Failure> {
    let on_event = |event: MiningEvent| console.mine_event(event, job.answers.passing());
    let observer = &MiningObserver { on_event: &on_event, trials: console.listener() };
    let mined = if args.no_try {
        Box::pin(unless_interrupted(async { Ok(job.run(None, observer).await?) })).await
    } else {
        let seed = seed(args.seed);
        let run =
            |sandbox| async move { Ok(job.run(Some(&Tryout { sandbox, seed }), observer).await?) };
        Box::pin(with_sandbox(&args.options, console, run)).await
    };
    console.finish();
    mined
}

fn kept(failure: Failure, job: &MiningJob<'_>) -> Failure {
    let count = job.answers.count();
    match failure {
        Failure::Interrupted(_) if count > 0 => Failure::Interrupted(format!(
            "; {count} answers are kept in {}, and --resume goes on from them",
            job.work.answers().display()
        )),
        failure => failure,
    }
}

/// Writes the agent to `--out`, uploads it, and reports both.
async fn deliver(args: &Mine, job: &MiningJob<'_>, mined: &MinedAgent) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        std::fs::write(out, &mined.source).map_err(|cause| {
            Failure::Fault(format!("cannot write the agent to {}: {cause}", out.display()))
        })?;
        console::say(&format!("the agent is in {}", out.display()));
    }
    job.keep(mined)?;
    let receipt = if args.no_upload {
        None
    } else {
        let receipt = upload::upload(&args.platform, &args.miner, mined.source.clone()).await?;
        console::uploaded(&receipt);
        Some(receipt)
    };
    if args.json {
        console::document(&document(args, job, mined, receipt.as_ref()))?;
    }
    Ok(())
}

fn document(
    args: &Mine,
    job: &MiningJob<'_>,
    mined: &MinedAgent,
    receipt: Option<&Receipt>,
) -> serde_json::Value {
    let mut document = serde_json::to_value(job.report(mined)).expect("a report is plain data");
    document["miner_id"] = args.miner.as_str().into();
    document["model"] = args.model.to_string().into();
    document["out"] = serde_json::json!(args.out);
    document["upload"] = serde_json::json!(receipt.map(PublicReceipt::from));
    document
}
