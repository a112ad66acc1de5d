//! `arena.toml`: where it is found, what takes precedence over it, and how its errors are reported.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Finished, TestPlatform, command};

/// A directory with an `arena.toml`, and a directory within it in which commands run.
struct Project(tempfile::TempDir);

impl Project {
    fn new(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("arena.toml"), settings).unwrap();
        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        std::fs::write(directory.path().join("a/b/agent.py"), "print(1)\n").unwrap();
        Self(directory)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("arena.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.current_dir(self.0.path().join("a/b")).env("HOME", self.0.path());
        command
    }
}

async fn run(mut command: Command) -> Finished {
    Finished::of(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

async fn miners(platform: &TestPlatform) -> Vec<String> {
    let agents = platform.client.agents().await.unwrap().agents;
    agents.into_iter().map(|agent| agent.miner_id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn options_come_from_the_nearest_file_above() {
    let platform = TestPlatform::start().await;
    let url = &platform.url;
    let project = Project::new(&format!(
        "# Mine\nplatform = \"{url}\"\nminer = \"filed\"\nmodel = \"sample:good\"\njobs = 4\n"
    ));
    let mine = ["mine", "--no-check", "--task", "reverse_string"];
    let named = format!("settings from {}", project.file().display());
    run(project.command(&mine)).await.check(0, &[&named, "filed uploaded as version 1"]);
    let ran = run(project.command(&["status"])).await;
    assert!(ran.stdout.starts_with("filed: version 1"), "{ran:?}");
    // A nearer file replaces it.
    std::fs::write(project.0.path().join("a/arena.toml"), format!("platform = \"{url}\"\n"))
        .unwrap();
    run(project.command(&mine)).await.check(2, &["--miner"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_precedes_the_environment_and_the_environment_precedes_the_file() {
    let platform = TestPlatform::start().await;
    let project = Project::new("platform = \"http://127.0.0.1:1\"\nminer = \"filed\"\n");
    let upload = |more: &[&str]| {
        let mut command = project.command(&[&["upload", "agent.py"], more].concat());
        command.env("ARENA_PLATFORM", &platform.url).env("ARENA_MINER", "env");
        command
    };
    run(upload(&[])).await.check(0, &["env uploaded"]);
    run(upload(&["--miner", "flag"])).await.check(0, &["flag uploaded"]);
    let mut by_file = upload(&[]);
    by_file.env_remove("ARENA_MINER");
    run(by_file).await.check(0, &["filed uploaded"]);
    assert_eq!(miners(&platform).await, ["env", "filed", "flag"]);
}

/// A key is never sent to an address that belongs to another model.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_and_a_price_belong_to_the_model_of_the_file() {
    let server = "base_url = \"http://127.0.0.1:1/v1\"\nprice = \"1,2\"\n";
    let project = Project::new(&format!("miner = \"me\"\nmodel = \"vllm:m\"\n{server}"));
    let platform = TestPlatform::start().await;
    let mine = |more: &[&str]| {
        let mut command = project.command(&[&["mine", "--no-check"], more].concat());
        command.env("ARENA_PLATFORM", &platform.url);
        command
    };
    run(mine(&[])).await.check(2, &["cannot reach the provider at http://127.0.0.1:1/v1"]);
    // With the address of the file, no key would be missing.
    run(mine(&["--model", "openai:m"])).await.check(2, &["OPENAI_API_KEY"]);
    let mut by_environment = mine(&[]);
    by_environment.env("ARENA_MODEL", "openai:m");
    run(by_environment).await.check(2, &["OPENAI_API_KEY"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_one_sentence_with_file_and_line() {
    for (text, place, reason) in [
        (
            "\nmodle = \"sample:good\"\n",
            ":2: ",
            "unknown field `modle`, expected one of `platform`",
        ),
        ("api_key = \"sk\"\n", ":1: ", "unknown field `api_key`"),
        ("platform = 7\n", ":1: ", "expected a string"),
        ("miner = \"me\"\njobs = \"8\"\n", ":2: ", "expected u16"),
        ("jobs = 0\n", ":1: ", "1 to 1024"),
        ("jobs = 70000\n", ":1: ", "u16"),
        ("miner = \"Me\"\n", ":1: ", "miner id"),
        ("model = \"nonsense\"\n", ":1: ", "unknown provider 'nonsense'"),
        ("model = \"ollama:m\"\nprice = \"cheap\"\n", ":2: ", "not a price"),
        ("miner = \"me\n", ":1: ", "invalid"),
        ("[mine]\njobs = 2\n", ":1: ", "unknown field `mine`"),
        ("miner = \"a\"\nminer = \"b\"\n", ":2: ", "duplicate key"),
        ("base_url = \"http://x\"\n", ": ", "add model = "),
    ] {
        let project = Project::new(text);
        let upload = project.command(&["upload", "agent.py", "--miner", "me"]);
        let ran = run(upload).await;
        ran.check(2, &[&format!("arena: {}{place}", project.file().display()), reason]);
        assert_eq!(ran.stderr.lines().count(), 1, "{text:?}: {}", ran.stderr);
        // Commands that take nothing from the file do not read it.
        assert_eq!(run(project.command(&["tasks", "--json"])).await.status, Some(0), "{text:?}");
    }
}

#[test]
fn doctor_names_the_file_or_its_mistake() {
    for (text, shown) in [("jobs = 2\n", "ok    settings: "), ("jobs = 0\n", "wrong settings: ")] {
        let project = Project::new(text);
        let ran = Finished::of(project.command(&["doctor"]).output().unwrap());
        let line = format!("{shown}{}", project.file().display());
        assert!(ran.stdout.contains(&line), "{line:?} is not in {}", ran.stdout);
    }
}
