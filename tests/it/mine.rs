//! A miner's commands, with a real platform and the real sandbox.

use std::process::{Command, Stdio};

use crate::support::{Finished, TestPlatform, fixture};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

fn two_attempts() -> String {
    format!("replay:{}", fixture("replays/two_attempts").display())
}

/// First answers are wrong and second ones right: the agent is uploaded and passes the tasks it has answers for.
#[tokio::test(flavor = "multi_thread")]
async fn second_attempt_fixes_a_failed_first_one() {
    let platform = TestPlatform::start().await;
    let transcripts = platform.directory().join("transcripts");
    let (model, transcripts_arg) = (two_attempts(), transcripts.display().to_string());
    let ran = platform
        .arena(&[
            "mine",
            "--miner",
            "me",
            "--model",
            &model,
            "--json",
            "--transcripts",
            &transcripts_arg,
        ])
        .await;
    ran.check(0, &["reverse_string, attempt 1: WA", "me uploaded as version 1"]);
    let document = ran.json();
    assert_eq!(document["score"], 100.0, "{document}");
    let answered: Vec<_> =
        document["tasks"].as_array().unwrap().iter().filter(|t| t["answered"] == true).collect();
    assert_eq!(answered.len(), 2, "{document}");
    for task in answered {
        assert_eq!((&task["attempt"], &task["tried"]["verdict"]), (&2.into(), &"AC".into()));
    }
    assert_eq!(document["usage"]["input_tokens"], 310 + 520 + 290 + 420);

    let agents = platform.client.agents().await.unwrap().agents;
    assert_eq!((agents.len(), agents[0].miner_id.as_str()), (1, "me"));
    assert_eq!(document["agent_sha256"], agents[0].sha256.as_str());

    let transcript = document["transcript"].as_str().unwrap();
    let transcript = std::fs::read_to_string(transcript).unwrap();
    let lines: Vec<Value> =
        transcript.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!((&lines[0]["verdict"], &lines[1]["verdict"]), (&"WA".into(), &"AC".into()));
    // The second request says what was wrong with the first answer.
    let prompt = lines[1]["messages"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap();
    assert!(prompt.contains("returned") && prompt.contains("'olleh'"), "{prompt}");
    // An answer that was cut off is not run.
    assert_eq!((&lines[2]["task"], &lines[2]["verdict"]), (&"roman_to_int".into(), &().into()));
}

/// Sends a signal to a program.
fn interrupt(child: &Child, signal: &str) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_or_killed_run_resumes() {
    for (signal, status) in [("-INT", Some(130)), ("-TERM", Some(130)), ("-KILL", None)] {
        let platform = TestPlatform::start().await;
        // This provider answers the first task only.
        let (provider, asked) = crate::support::silent_after_first_answer().await;
        let args = ["mine", "--miner", "me", "--no-check"];
        let tasks = ["--task", "reverse_string", "--task", "word_count"];
        let model = ["--model", "ollama:m", "--base-url", &provider];
        let mine = platform.command(&[&args[..], &tasks, &model].concat());
        let child = tokio::process::Command::from(mine).stderr(Stdio::piped()).spawn().unwrap();
        asked.await.unwrap();
        interrupt(&child, signal);
        let ran = Finished::of(child.wait_with_output().await.unwrap());
        assert_eq!(ran.status, status, "{ran:?}");
        if status == Some(130) {
            ran.check(130, &["1 answers are kept", "--resume continues"]);
        }
        // The recording has no answer to word_count, and the other task is not asked about again.
        let model = two_attempts();
        let model = ["--model", &model, "--resume", "--json"];
        let ran = platform.arena(&[&args[..], &tasks, &model].concat()).await;
        ran.check(0, &["1 answers are kept from an earlier run", "uploaded as version 1"]);
        let document = ran.json();
        let answered = ["answered", "attempt"].map(|name| document["tasks"][0][name].clone());
        assert_eq!(answered, [Value::from(true), Value::from(1)], "{signal}: {document}");
        assert_eq!(document["usage"]["input_tokens"], 0, "{signal}: {document}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_answer_is_improved_and_others_stay() {
    let platform = TestPlatform::start().await;
    let mine = ["mine", "--miner", "me", "--task", "reverse_string"];
    let bad = ["--model", "sample:bad", "--task", "fizz_buzz", "--no-check"];
    platform.arena(&[&mine[..], &bad].concat()).await.check(0, &["uploaded as version 1"]);

    let transcripts = platform.directory().join("transcripts").display().to_string();
    let model = two_attempts();
    let better = ["--model", &model, "--resume", "--transcripts", &transcripts, "--json"];
    let ran = platform.arena(&[&mine[..], &better].concat()).await;
    ran.check(
        0,
        &["2 answers are kept from an earlier run", "1 of 2 tasks pass", "uploaded as version 2"],
    );
    let document = ran.json();
    let tasks = document["tasks"].as_array().unwrap();
    let mut got: Vec<_> = tasks.iter().map(|t| (&t["id"], &t["tried"]["verdict"])).collect();
    got.sort_by_key(|(id, _)| id.to_string());
    let (fizz, reverse) =
        (("fizz_buzz".into(), "WA".into()), ("reverse_string".into(), "AC".into()));
    assert_eq!(got, [(&fizz.0, &fizz.1), (&reverse.0, &reverse.1)]);
    // The first request already contains the kept answer and what was wrong with it.
    let transcript = std::fs::read_to_string(document["transcript"].as_str().unwrap()).unwrap();
    let first: Value = serde_json::from_str(transcript.lines().next().unwrap()).unwrap();
    let said: Vec<_> = first["messages"].as_array().unwrap().iter().map(|m| &m["text"]).collect();
    assert_eq!((said.len(), &first["attempt"]), (4, &1.into()));
    assert!(said[2].as_str().unwrap().contains("def reverse_string(*args)"), "{said:?}");
    assert!(said[3].as_str().unwrap().contains("'olleh'"), "{said:?}");

    // A run without --resume moves the kept answers aside.
    let good = ["--model", "sample:good", "--no-check", "--force"];
    let ran = platform.arena(&[&mine[..], &good].concat()).await;
    ran.check(0, &["answers of an earlier run: moved to", "answers.earlier.json"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_uploaded_agent_are_not_lost() {
    let platform = TestPlatform::start().await;
    let all = ["--task", "reverse_string", "--task", "fizz_buzz"];
    let mine = async |more: &[&str]| {
        let args = ["mine", "--miner", "me", "--no-check", "--json"];
        platform.arena(&[&args[..], more].concat()).await
    };
    let version =
        async || platform.client.agent(&"me".parse().unwrap()).await.unwrap().current.version;
    let good = ["--model", "sample:good"];
    mine(&[&good[..], &all].concat()).await.check(0, &["uploaded as version 1"]);
    let one = [&good[..], &all[..2], &["--date", "today"]].concat();
    let refused = ["lacks (fizz_buzz)", "--resume", "--force"];
    let ran = mine(&one).await;
    ran.check(2, &refused);
    assert!(!ran.stderr.contains("moved to"), "{ran:?}");
    // A run that uploads nothing does not make the platform's agent be forgotten.
    mine(&[&one[..], &["--no-upload"]].concat()).await.check(0, &["agent: ", "/agent.py"]);
    mine(&one).await.check(2, &refused);
    // The model may also leave out a task that it was asked about: the recording has no answer to it.
    let model = two_attempts();
    let ran = mine(&[&["--model", &model][..], &all].concat()).await;
    ran.check(2, &refused);
    ran.check(2, &["1 task skipped: the recording has no answer 1 to fizz_buzz"]);
    assert_eq!(version().await, 1);

    let ran = mine(&[&one[..], &["--resume"]].concat()).await;
    ran.check(0, &["2 answers are kept", "uploaded as version 2"]);
    assert_eq!(ran.json()["tasks"].as_array().unwrap().len(), 2);
    mine(&[&one[..], &["--force"]].concat()).await.check(0, &["uploaded as version 3"]);
    // Another miner has nothing to lose, and neither has this one from now on.
    mine(&one).await.check(0, &["is already stored as version 3"]);
    let other = ["--miner", "you", "--model", "sample:good", "--task", "reverse_string"];
    let ran = platform.arena(&[&["mine", "--no-check"], &other[..]].concat()).await;
    ran.check(0, &["you uploaded as version 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_without_any_answer_is_named() {
    let platform = TestPlatform::start().await;
    let model = two_attempts();
    let args = ["mine", "--miner", "me", "--no-check", "--task", "fizz_buzz", "--model", &model];
    let ran = platform.arena(&args).await;
    ran.check(2, &["arena: the recording has no answer 1 to fizz_buzz"]);
    platform
        .arena(&["mine", "--miner", "me", "--model", "replay:"])
        .await
        .check(2, &["replay:DIR"]);
}

/// The exit status distinguishes a limit from a failure.
#[tokio::test(flavor = "multi_thread")]
async fn run_that_stops_early_delivers_its_answers() {
    let platform = TestPlatform::start().await;
    let recording = platform.directory().join("recording");
    std::fs::create_dir(&recording).unwrap();
    let answer = "reverse_string.2.json";
    let from = fixture("replays/two_attempts").join(answer);
    std::fs::copy(from, recording.join("reverse_string.1.json")).unwrap();
    // A directory where a file should be cannot be read.
    for task in ["fizz_buzz", "two_sum"] {
        std::fs::create_dir(recording.join(format!("{task}.1.json"))).unwrap();
    }
    let model = format!("replay:{}", recording.display());
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--task", "two_sum"];
    let mine = ["mine", "--miner", "me", "--no-check", "--json", "--model", &model];
    let mine = [&mine[..], &tasks].concat();
    let ran = platform.arena(&mine).await;
    ran.check(1, &["uploaded as version 1", "arena: stopped early: cannot read"]);
    assert!(ran.json()["stopped"].as_str().unwrap().contains("cannot read"), "{ran:?}");
    let ran = platform.arena(&[&mine[..], &["--budget", "tokens=100"]].concat()).await;
    ran.check(0, &["stopped early: the budget is used up", "is already stored"]);
    assert!(ran.json()["stopped"].as_str().unwrap().contains("budget"), "{ran:?}");
}

/// The answer to a first upload carries the token, which is sent only once.
#[tokio::test(flavor = "multi_thread")]
async fn upload_survives_the_first_interrupt_and_stops_at_the_second() {
    for patient in [true, false] {
        let platform = TestPlatform::start().await;
        let (slow, asked, go_on) = crate::support::slow_upload(&platform).await;
        let file = platform.directory().join("agent.py");
        std::fs::write(&file, "print(1)\n").unwrap();
        let file = file.display().to_string();
        let upload = platform.command(&["upload", &file, "--miner", "me", "--platform", &slow]);
        let mut child =
            tokio::process::Command::from(upload).stderr(Stdio::piped()).spawn().unwrap();
        asked.await.unwrap();
        interrupt(&child, "-INT");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.next_line().await.unwrap().unwrap();
        assert!(said.contains("press Ctrl-C again to stop at once"), "{said}");
        // A parent process passes the same Ctrl-C on as SIGTERM, as 'cargo xtask' does.
        interrupt(&child, "-TERM");
        let tokens = platform.directory().join(".config/arena/tokens.json");
        if patient {
            go_on.send(()).unwrap();
            assert_eq!(child.wait().await.unwrap().code(), Some(0));
            assert!(std::fs::read_to_string(tokens).unwrap().contains("arena_"));
        } else {
            interrupt(&child, "-INT");
            assert_eq!(child.wait().await.unwrap().code(), Some(130));
            assert!(!tokens.exists());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_agent_needs_no_key_and_no_docker() {
    let platform = TestPlatform::start().await;
    let out = platform.directory().join("good.py").display().to_string();
    let args = ["mine", "--miner", "me", "--model", "sample:good", "--no-check", "--out", &out];
    platform.arena(&args).await.check(0, &["uploaded as version 1"]);
    assert!(std::fs::read_to_string(&out).unwrap().contains("sample:good"));
    // The token of the first upload is stored, and the same file is not a new version.
    platform.arena(&args).await.check(0, &["is already stored"]);
    let elsewhere = platform.directory().join("other.json").display().to_string();
    let args = ["upload", &out, "--miner", "me", "--token-file", &elsewhere];
    platform.arena(&args).await.check(2, &["'me' is taken", "--token-file"]);
    let args = ["upload", &out, "--miner", "you", "--token-file", &elsewhere, "--json"];
    let ran = platform.arena(&args).await;
    assert_eq!(ran.json()["upload"]["version"], 1);
    assert!(!ran.stdout.contains("arena_"), "the token was printed: {}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_on_one_line() {
    let platform = TestPlatform::start().await;
    let mine = |model| ["mine", "--miner", "me", "--model", model];
    for (model, parts) in [
        ("openai:gpt", &["OPENAI_API_KEY", "--model sample:good works without one"][..]),
        ("anthropic:claude", &["ANTHROPIC_API_KEY", "sample:good"]),
        ("replay:/nowhere", &["/nowhere", "--record"]),
    ] {
        let ran = platform.arena(&mine(model)).await;
        ran.check(2, parts);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    platform.arena(&mine("nonsense")).await.check(2, &["unknown provider 'nonsense'"]);
    platform
        .arena(&["mine", "--miner", "Me", "--model", "sample:good"])
        .await
        .check(2, &["miner id"]);
    let sample = mine("sample:good");
    let check = async |more: &[&str], status, parts: &[&str]| {
        platform.arena(&[&sample, more].concat()).await.check(status, parts);
    };
    check(&["--task", "no_such_task"], 2, &["unknown task 'no_such_task'"]).await;
    check(&["--resume"], 2, &["nothing to resume"]).await;
    check(&["--budget", "days=1"], 2, &["tokens=N,cost=USD,seconds=N"]).await;
    check(&["--platform", "http://127.0.0.1:1"], 1, &["cannot reach the platform"]).await;
    check(&["--platform", "nonsense"], 2, &["is not the address of a platform"]).await;
    let bad = platform.directory().join("bad.py");
    std::fs::write(&bad, "def f(:\n").unwrap();
    let bad = bad.display().to_string();
    platform.arena(&["upload", &bad, "--miner", "me"]).await.check(2, &["bad.py:1:"]);
    platform.arena(&["check", &bad]).await.check(2, &["bad.py:1:"]);
    platform.arena(&["check", "/nowhere.py"]).await.check(2, &["/nowhere.py"]);
    platform.arena(&["status", "--miner", "me"]).await.check(2, &["me has uploaded nothing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn starter_agent_runs_and_is_never_overwritten() {
    let platform = TestPlatform::start().await;
    let file = platform.directory().join("agent.py").display().to_string();
    platform.arena(&["init", &file]).await.check(0, &["arena check"]);
    platform.arena(&["init", &file]).await.check(2, &["is there already"]);
    let args = ["check", &file, "--task", "reverse_string", "--task", "fizz_buzz", "--json"];
    let ran = platform.arena(&args).await;
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let verdicts = ran.json()["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["verdict"].clone())
        .collect::<Vec<_>>();
    assert_eq!(verdicts, ["AC", "RE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_tasks_are_worked_on_at_the_same_time() {
    let platform = TestPlatform::start().await;
    let tasks = ["reverse_string", "fizz_buzz", "two_sum"];
    let provider = crate::support::answers_together(tasks).await;
    let model = ["--model", "ollama:m", "--base-url", &provider, "--jobs", "3"];
    // A run that asks one question at a time would wait for ever.
    let args = ["mine", "--miner", "me", "--no-check", "--json", "--task-budget", "seconds=60"];
    let tasks = tasks.map(|task| ["--task", task]).concat();
    let ran = platform.arena(&[&args[..], &model, &tasks].concat()).await;
    ran.check(0, &["uploaded as version 1"]);
    let document = ran.json();
    let answered = document["tasks"].as_array().unwrap().iter().map(|task| &task["answered"]);
    assert_eq!(answered.collect::<Vec<_>>(), [true; 3], "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_shows_a_small_failing_input() {
    let platform = TestPlatform::start().await;
    let file = platform.directory().join("agent.py");
    let answer = "def reverse_string(s):\n    return s[::-1] if len(s) < 8 else s\n";
    std::fs::write(&file, format!("print({answer:?})\n")).unwrap();
    let file = file.display().to_string();
    let ran = platform
        .arena(&["check", &file, "--task", "reverse_string", "--json", "--seed", "1"])
        .await;
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let document = ran.json();
    let cases = document["trials"][0]["cases"].as_array().unwrap();
    let details: Vec<_> = cases.iter().filter_map(|case| case["detail"].as_str()).collect();
    let shown = |detail: &&str| detail.contains("this fails too: reverse_string('");
    assert!(details.iter().any(shown), "{details:?}");
}
