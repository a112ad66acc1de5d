//! A complete mining run without a sandbox: the files that it keeps and the agent that it builds.

use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use miner::mine::answers::KeptAnswers;
use miner::mine::error::MineError;
use miner::mine::event::MiningEvent;
use miner::mine::job::{EarlierAnswers, MinedAgent, MiningJob, MiningObserver};
use miner::mine::plan::MiningSettings;
use miner::mine::transcript::Transcript;
use miner::model::sample::SampleModel;
use miner::model::source::AnswerSource;
use miner::work_directory::WorkDirectory;
use tasks::TaskView;

fn views(ids: &[&str]) -> Vec<TaskView> {
    ids.iter().map(|id| tasks::find(id).unwrap().view()).collect()
}

/// A job over two tasks of a platform that has three.
fn job<'a>(directory: &Path, source: &'a dyn AnswerSource, budget: &str) -> MiningJob<'a> {
    let miner = "me".parse().unwrap();
    MiningJob {
        work: WorkDirectory::open(Some(directory), &miner).unwrap(),
        miner,
        source,
        settings: MiningSettings {
            attempts: 1,
            budget: budget.parse().unwrap(),
            task_budget: "tokens=1000".parse().unwrap(),
            price: None,
            max_output_tokens: 100,
            jobs: 1,
        },
        all_tasks: views(&["reverse_string", "fizz_buzz", "two_sum"]),
        tasks: views(&["reverse_string", "fizz_buzz"]),
        answers: KeptAnswers::default(),
        earlier: EarlierAnswers::SetAside,
        transcript: None,
        date: None,
    }
}

/// Runs a job. Returns also the files of earlier answers that it reports.
async fn run(job: &MiningJob<'_>) -> (Result<MinedAgent, MineError>, Vec<String>) {
    let moved = Mutex::new(Vec::new());
    let on_event = |event| {
        if let MiningEvent::EarlierAnswersMoved { path } = event {
            moved.lock().unwrap().push(path.display().to_string());
        }
    };
    let observer = MiningObserver { on_event: &on_event, trials: Arc::new(|_| ()) };
    let ended = job.run(None, &observer).await;
    (ended, moved.into_inner().unwrap())
}

#[tokio::test]
async fn builds_an_agent_and_keeps_answers_and_transcript() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path(), &SampleModel::Good, "tokens=1000");
    let transcripts = directory.path().join("transcripts");
    job.transcript = Some(Transcript::begin(&transcripts, &job.miner, Timestamp::now()).unwrap());
    let (ended, moved) = run(&job).await;
    let agent = ended.unwrap();
    assert!(agent.source.contains("# Answers by: sample:good"), "{}", agent.source);
    assert_eq!((agent.stopped.as_ref(), agent.faults.len(), moved.len()), (None, 0, 0));
    job.keep(&agent).unwrap();
    assert_eq!(std::fs::read_to_string(job.work.agent()).unwrap(), agent.source);
    let kept = KeptAnswers::load(&job.work.answers(), &job.all_tasks).unwrap();
    assert_eq!(kept.count(), 2);

    let report = serde_json::to_value(job.report(&agent)).unwrap();
    let tasks = report["tasks"].as_array().unwrap();
    let answered: Vec<_> = tasks.iter().map(|task| (&task["id"], &task["answered"])).collect();
    let (reverse, fizz) = ("reverse_string".into(), "fizz_buzz".into());
    assert_eq!(answered, [(&reverse, &true.into()), (&fizz, &true.into())]);
    let transcript = std::fs::read_to_string(report["transcript"].as_str().unwrap()).unwrap();
    let lines = transcript.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["miner_id"], &lines[0]["task"]), (&"me".into(), &reverse));
}

#[tokio::test]
async fn sets_earlier_answers_aside_or_resumes_them() {
    let directory = tempfile::tempdir().unwrap();
    let bad = SampleModel::Bad;
    run(&job(directory.path(), &bad, "tokens=1000")).await.0.unwrap();

    let mut resumed = job(directory.path(), &SampleModel::Good, "tokens=1000");
    resumed.answers = KeptAnswers::load(&resumed.work.answers(), &resumed.all_tasks).unwrap();
    resumed.earlier = EarlierAnswers::Resume;
    resumed.tasks = views(&["two_sum"]);
    let (ended, moved) = run(&resumed).await;
    assert_eq!((ended.is_ok(), moved.len(), resumed.answers.count()), (true, 0, 3));

    let (ended, moved) = run(&job(directory.path(), &bad, "tokens=1000")).await;
    assert!(ended.is_ok() && moved.len() == 1, "{moved:?}");
    assert!(std::fs::read_to_string(&moved[0]).unwrap().contains("two_sum"));
}

#[tokio::test]
async fn reports_files_that_cannot_be_written_as_faults_of_a_complete_agent() {
    let directory = tempfile::tempdir().unwrap();
    let job = job(directory.path(), &SampleModel::Good, "tokens=1000");
    std::fs::create_dir_all(job.work.answers().join("in the way")).unwrap();
    std::fs::create_dir(directory.path().join("answers.earlier.json")).unwrap();
    std::fs::write(directory.path().join("answers.earlier.json/file"), "").unwrap();
    let agent = run(&job).await.0.unwrap();
    assert_eq!(job.answers.count(), 2);
    assert!(agent.faults.iter().any(|fault| fault.contains("answers.json")), "{:?}", agent.faults);
}

#[tokio::test]
async fn a_run_without_any_answer_builds_no_agent() {
    let directory = tempfile::tempdir().unwrap();
    let job = job(directory.path(), &SampleModel::Good, "tokens=0");
    let error = run(&job).await.0.unwrap_err();
    assert!(matches!(error, MineError::Budget(_)), "{error}");
}
