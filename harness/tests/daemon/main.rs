//! What happens to a round when the Docker daemon itself fails: it is restarted, killed or stopped, or loses the
//! image. The tests start a daemon of their own and must therefore run as root. They run when they are named: `--test
//! daemon`, which `cargo xtask test` does.

mod own;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
};
use harness::Fault;
use harness::round::agent::Agent;
use harness::round::book::RoundOutcome;
use harness::round::events::RoundEvent;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::run::run;
use harness::sandbox::{ContainerSpec, ImagePolicy, Sandbox, resolve_image};
use harness::trial::instance::RoundTask;
use own::Daemon;
use tasks::{Limits, Seed, Verdict};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Right on `reverse_string`, and slow enough for a daemon to disappear meanwhile.
const SLOW: &str = "import time\ntime.sleep(0.5)\nprint('def reverse_string(s): return s[::-1]')\n";
const AGENTS: usize = 8;
/// How long a round may take until its first trial is finished.
const PATIENCE: Duration = Duration::from_secs(120);

/// A round on the test's daemon, in progress.
struct RunningRound {
    sandbox: Sandbox,
    outcome: JoinHandle<Result<RoundOutcome, Fault>>,
    finished: watch::Receiver<usize>,
}

impl RunningRound {
    async fn start(daemon: &Daemon) -> Self {
        let docker = daemon.docker();
        let policy = ImagePolicy::UsePresent;
        let image = resolve_image(&docker, Some(&daemon.image), policy, &|_| ()).await.unwrap();
        let spec = ContainerSpec { image, limits: Limits::STANDARD, runtime: None };
        let sandbox = Sandbox::new(docker, spec);
        let agent = |n| Agent::local(&format!("agent{n}"), format!("{SLOW}# {n}\n"));
        let task = tasks::find("reverse_string").unwrap();
        let plan = RoundPlan {
            agents: (0..AGENTS).map(agent).collect(),
            tasks: [RoundTask::new(task, Seed(5))].into(),
            repeat: 1,
            stop: harness::round::stopping::StopRules::default(),
            results: None,
            jobs: 2,
            jobs_per_agent: 1,
            isolation: Isolation::Agent,
            partition: None,
            shrinking: Duration::ZERO,
            model: None,
        };
        let (counter, finished) = watch::channel(0);
        let on_event = Arc::new(move |event| {
            if matches!(event, RoundEvent::Finished { .. }) {
                counter.send_modify(|count| *count += 1);
            }
        });
        let of_round = sandbox.clone();
        let outcome = tokio::spawn(async move { run(&of_round, plan, on_event).await });
        Self { sandbox, outcome, finished }
    }

    /// Waits until a trial is finished.
    async fn wait_for_a_trial(&mut self) {
        let finished = timeout(PATIENCE, self.finished.wait_for(|count| *count > 0)).await;
        finished.expect("the round makes progress").expect("the round goes on");
    }

    /// Every agent is accepted, and nothing is left on the daemon. Returns the faults of earlier attempts.
    async fn check_accepted(self, daemon: &Daemon) -> Vec<String> {
        let outcome = self.outcome.await.unwrap().unwrap();
        assert_eq!(outcome.faults, []);
        let verdicts: Vec<_> = outcome.trials.iter().map(|trial| trial.record.verdict).collect();
        assert_eq!(verdicts, [Verdict::Accepted; AGENTS]);
        self.sandbox.cleanup().await.unwrap();
        let options = ListContainersOptionsBuilder::default().all(true).build();
        assert_eq!(daemon.docker().list_containers(Some(options)).await.unwrap(), []);
        let attempts = outcome.trials.into_iter().flat_map(|trial| trial.record.attempts);
        attempts.filter_map(|attempt| attempt.fault).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_daemon_costs_attempts_and_no_verdict() {
    let mut daemon = Daemon::start().await;
    let mut round = RunningRound::start(&daemon).await;
    round.wait_for_a_trial().await;
    let started = Instant::now();
    daemon.restart().await;
    println!("the daemon was away for {:?}", started.elapsed());
    let faults = round.check_accepted(&daemon).await;
    println!("{faults:#?}");
    assert!(!faults.is_empty(), "a lost attempt is not recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn daemon_that_is_stopped_for_a_while_costs_nothing() {
    let daemon = Daemon::start().await;
    let mut round = RunningRound::start(&daemon).await;
    round.wait_for_a_trial().await;
    daemon.signal("STOP");
    // A stuck request cannot be observed; this is longer than a trial takes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    daemon.signal("CONT");
    round.check_accepted(&daemon).await;
}

/// Commits a unique image with the content of the daemon's image, under this name.
async fn commit(daemon: &Daemon, label: &str, name: &str) -> String {
    let docker = daemon.docker();
    let body = bollard::models::ContainerCreateBody {
        image: Some(daemon.image.clone()),
        cmd: Some(vec!["true".to_owned()]),
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(label).build();
    let created = docker.create_container(Some(options), body).await.unwrap();
    let (repository, tag) = name.split_once(':').unwrap();
    let options = CommitContainerOptionsBuilder::default()
        .container(&created.id)
        .repo(repository)
        .tag(tag)
        .comment(label)
        .build();
    let committed = docker.commit_container(options, ContainerConfig::default()).await.unwrap();
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    docker.remove_container(&created.id, Some(force)).await.unwrap();
    committed.id
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_an_image_whose_tag_moved_and_names_a_removed_one() {
    let daemon = Daemon::start().await;
    let docker = daemon.docker();
    let name = "arena-test:moves";
    let first = commit(&daemon, "first", name).await;
    let image = resolve_image(&docker, Some(name), ImagePolicy::UsePresent, &|_| ()).await.unwrap();
    assert_eq!(image.id, first);
    let spec = ContainerSpec { image, limits: Limits::STANDARD, runtime: None };
    let sandbox = Sandbox::new(docker.clone(), spec);

    let second = commit(&daemon, "second", name).await;
    assert_ne!(first, second);
    let container = sandbox.start().await.unwrap();
    let options = None::<InspectContainerOptions>;
    let inspected = docker.inspect_container(container.short_id(), options).await.unwrap();
    assert_eq!(inspected.image.as_deref(), Some(first.as_str()), "the new image was used");
    container.remove().await.unwrap();

    let force = RemoveImageOptionsBuilder::default().force(true).build();
    docker.remove_image(&first, Some(force), None).await.unwrap();
    let Err(Fault::Image(text)) = sandbox.start().await else { panic!("it was started") };
    assert!(text.contains(&format!("{name}@{first}")) && text.contains("arena image"), "{text}");
    sandbox.cleanup().await.unwrap();
}
