//! Every verdict, in the real sandbox: small agents that differ only in how they fail.

use std::sync::Arc;

use harness::round::check::{CheckRequest, check};
use harness::sandbox::Sandbox;
use harness::sandbox::{self, SandboxSettings};
use harness::trial::record::Disclose;
use platform::api::DisclosedRecord;
use tasks::{Seed, Task, Verdict};

use crate::machine;

/// `reverse_string` with limits that let a test be quick.
fn task() -> Task {
    let mut task = tasks::find("reverse_string").expect("the first task");
    task.limits.agent_wall_ms = 5_000;
    // Filling the memory takes a slow or busy machine more than a second.
    task.limits.call_cpu_ms = 2_000;
    task.limits.calls_wall_ms = 6_000;
    task
}

async fn sandbox() -> Sandbox {
    sandbox::open(&SandboxSettings::default(), &|_| ()).await.expect("the sandbox opens")
}

/// Runs an agent on tasks, and returns its records. No trial may end in a fault.
async fn records(
    sandbox: &Sandbox,
    source: &str,
    tasks: Vec<Task>,
    disclose: Disclose,
) -> Vec<DisclosedRecord> {
    let request = CheckRequest { source, tasks, seed: Seed(1), disclose, jobs: 1, model: None };
    let checked = check(sandbox, request, Arc::new(|_| ())).await;
    let checked = checked.expect("the arena does not fail");
    assert_eq!(checked.faults, [""; 0], "{source}");
    checked.trials.into_iter().map(|trial| trial.record).collect()
}

/// An agent that prints this answer.
fn printing(answer: &str) -> String {
    format!("print({})\n", serde_json::to_string(answer).expect("text is plain data"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_has_its_verdict_and_costs_only_its_own_cases() {
    use Verdict::{
        Accepted, MemoryLimit, NoSolution, OutputLimit, RuntimeError, TimeLimit, WrongAnswer,
    };
    // An answer that does something before it reverses. The example 'hello' is the case that fails.
    let on_hello = |act: &str| {
        printing(&format!(
            "import os, sys, time\ndef reverse_string(s):\n    if s == 'hello':\n        {act}\n    return s[::-1]\n"
        ))
    };
    let all = tasks::find("reverse_string").expect("the first task").case_count();
    let all = u32::try_from(all).expect("a few dozen");
    let agents: Vec<(&str, String, Verdict, u32)> = vec![
        ("right", printing("def reverse_string(s): return s[::-1]"), Accepted, all),
        (
            "fenced",
            printing("```python\ndef reverse_string(s): return s[::-1]\n```"),
            Accepted,
            all,
        ),
        (
            "exit() works",
            "print('def reverse_string(s): return s[::-1]')\nexit()".into(),
            Accepted,
            all,
        ),
        (
            "state is kept in the process",
            printing("n = []\ndef reverse_string(s):\n    n.append(s)\n    return s[::-1]"),
            Accepted,
            all,
        ),
        ("wrong once", on_hello("return 'x'"), WrongAnswer, all - 1),
        ("raises once", on_hello("raise KeyError(s)"), RuntimeError, all - 1),
        ("exits once", on_hello("os._exit(3)"), RuntimeError, all - 1),
        ("sys.exit once", on_hello("sys.exit(0)"), RuntimeError, all - 1),
        ("kills itself once", on_hello("os.kill(os.getpid(), 9)"), RuntimeError, all - 1),
        ("spins once", on_hello("while True: pass"), TimeLimit, all - 1),
        (
            "uses up memory once",
            on_hello("x = [bytearray(1 << 20) for _ in range(1000)]"),
            MemoryLimit,
            all - 1,
        ),
        ("returns too much once", on_hello("return 'x' * (2 << 20)"), OutputLimit, all - 1),
        ("returns an object", on_hello("return object()"), WrongAnswer, all - 1),
        ("sleeps until all time is up", on_hello("time.sleep(60)"), TimeLimit, 0),
        ("prints nothing", "pass\n".into(), NoSolution, 0),
        ("prints no Python", printing("I cannot do that"), NoSolution, 0),
        ("defines something else", printing("def other(s): return s"), NoSolution, 0),
        ("fails while loading", printing("1 / 0"), RuntimeError, 0),
        ("exits while loading", printing("import os\nos._exit(0)"), RuntimeError, 0),
        ("spins while loading", printing("while True: pass"), TimeLimit, 0),
        ("fails without an answer", "import sys\nsys.exit(1)\n".into(), RuntimeError, 0),
        (
            "fails after the answer",
            "print('def reverse_string(s): return s[::-1]')\n1 / 0\n".into(),
            Accepted,
            all,
        ),
        ("takes too long", "import time\ntime.sleep(60)\n".into(), TimeLimit, 0),
        (
            "uses up memory",
            "x = [bytearray(1 << 20) for _ in range(1000)]\n".into(),
            MemoryLimit,
            0,
        ),
        ("prints too much", "print('x' * (1 << 20))\n".into(), OutputLimit, 0),
    ];
    let _shared = machine::shared().await;
    let sandbox = sandbox().await;
    for (name, source, verdict, passed) in &agents {
        let records = records(&sandbox, source, vec![task()], Disclose::Public).await;
        let got = (records[0].verdict, records[0].passed);
        assert_eq!(got, (*verdict, *passed), "{name}:\n{}", records[0].failure());
    }
    sandbox.cleanup().await.expect("everything is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_calls_no_more_after_three_calls_that_ran_out_of_time() {
    // Public calls are the first, and hidden ones the second command for the same driver: they count together.
    let source = printing("def reverse_string(s):\n    while s: pass\n    return s\n");
    let mut task = task();
    task.limits.call_cpu_ms = 300;
    assert_eq!(task.limits.call_timeouts, 3);
    let public = task.cases(Seed(1)).iter().filter(|case| case.public).count();
    let _shared = machine::shared().await;
    let sandbox = sandbox().await;
    let record = records(&sandbox, &source, vec![task], Disclose::All).await.remove(0);
    let details = |part: &str| record.cases.iter().filter(|c| c.detail.contains(part)).count();
    assert_eq!(details("the limit of 0.3 s of CPU time per call was exceeded"), 3, "{record:?}");
    assert_eq!(details("not called: too many calls took too long"), record.cases.len() - 4);
    assert!(record.cases[public].detail.contains("was exceeded"), "{record:?}");
    assert_eq!(record.verdict, Verdict::TimeLimit);
    sandbox.cleanup().await.expect("everything is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trial_of_an_agent_starts_clean() {
    // It leaves a file and a process behind, and answers only if it finds neither.
    let source = r#"
import os, subprocess, sys, time
found = os.path.exists("left") or any(
    "sleep" in open(f"/proc/{pid}/cmdline").read() for pid in os.listdir("/proc") if pid.isdigit() and pid != "1"
)
if not found:
    print("def reverse_string(s): return s[::-1]")
open("left", "w").write("x")
if os.fork() == 0:
    os.setsid()
    os.execvp("sleep", ["sleep", "1000"])
"#;
    let _shared = machine::shared().await;
    let sandbox = sandbox().await;
    // The same task three times: one container, three trials.
    let tasks = vec![task(), task(), task()];
    let records = records(&sandbox, source, tasks, Disclose::Public).await;
    for record in &records {
        assert_eq!(record.verdict, Verdict::Accepted, "{}", record.failure());
    }
    assert_eq!(records.len(), 3);
    sandbox.cleanup().await.expect("everything is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_what_an_agent_used_and_wrote() {
    let source = "import sys\nsys.stderr.write('a' * 20000 + 'the end')\nx = bytearray(100 << 20)\nfor i in range(3_000_000): pass\n";
    let _shared = machine::shared().await;
    let sandbox = sandbox().await;
    let result = records(&sandbox, source, vec![task()], Disclose::Public).await.remove(0);
    assert!(result.stderr_truncated && result.stderr.ends_with("the end"), "{result:?}");
    assert_eq!(result.stderr.len(), 16 << 10);
    assert!(result.peak_memory_bytes > 100 << 20, "{} bytes", result.peak_memory_bytes);
    assert!(result.cpu_ms >= 20, "{} ms", result.cpu_ms);
    sandbox.cleanup().await.expect("everything is removed");
}

/// Inputs of hidden cases that are long enough to be recognized.
fn hidden_inputs() -> Vec<String> {
    let cases = task().cases(Seed(1)).into_iter().filter(|case| !case.public);
    let text = |case: tasks::Case| match serde_json::to_value(case.input()) {
        Ok(input) => input["args"][0].as_str().map(str::to_owned),
        Err(_) => None,
    };
    cases.filter_map(text).filter(|text| text.len() > 8 && text.is_ascii()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn disclosed_details_contain_no_hidden_input() {
    let _shared = machine::shared().await;
    let sandbox = sandbox().await;
    let hidden = hidden_inputs();
    assert!(hidden.len() > 3, "{hidden:?}");
    // An answer would find them in the stack frames up to the driver's own.
    let find = r#"
import os, struct, sys
def found():
    frame, seen = sys._getframe(), []
    while frame:
        seen += [frame.f_locals["request"]["args"][0]] if "request" in frame.f_locals else []
        frame = frame.f_back
    return " ".join(text for text in seen if len(text) > 8)
def refuse(payload):
    body = struct.pack(">I", 0xFFFFFFFD) + payload
    for number in range(3, 32):
        try:
            os.write(number, struct.pack(">I", len(body)) + body)
        except OSError:
            pass
"#;
    let long = r#"refuse(b'{"raised":{"types":["X"],"message":"' + b'\\u007f' * 100_000 + b'"}}')"#;
    // So slow in each process that no time is left to shrink the failing input.
    let slow = "def reverse_string(s, naps=[0.7]):\n    import time\n    if len(s) < 9: return s[::-1]\n    \
                time.sleep(naps.pop() if naps else 0)\n    return s + 'x'";
    for (way, verdict) in [
        ("raise ValueError(found())", Verdict::RuntimeError),
        ("def reverse_string(s): raise ValueError(found())", Verdict::RuntimeError),
        ("def reverse_string(s): return found()", Verdict::WrongAnswer),
        ("os._exit(len(found()) % 200)", Verdict::RuntimeError),
        ("def reverse_string(s): os._exit(len(found()) % 200)", Verdict::RuntimeError),
        (long, Verdict::OutputLimit),
        (slow, Verdict::WrongAnswer),
    ] {
        let source = printing(&format!("{find}{way}\n"));
        let disclosed = async |disclose| {
            let record = records(&sandbox, &source, vec![task()], disclose).await.remove(0);
            assert_eq!(record.verdict, verdict, "{way}: {record:?}");
            serde_json::to_string(&record.cases).expect("cases are plain data")
        };
        let found = |text: &str| hidden.iter().any(|input| text.contains(input.as_str()));
        for disclose in [Disclose::None, Disclose::Public] {
            let text = disclosed(disclose).await;
            assert!(!found(&text), "{way}, {disclose:?}: {}", &text[..1000]);
            assert!(text.len() < 100_000, "{way}: {} bytes", text.len());
        }
        // The answer does look for them: what is called later finds them, and the validator may see that.
        let all = disclosed(Disclose::All).await;
        let can = way.starts_with("def") && !way.contains("_exit");
        assert_eq!(found(&all), can, "{way}: {}", &all[..1000]);
    }
    sandbox.cleanup().await.expect("everything is removed");
}

/// The names of containers in a text, which an answer put there as what it returned.
fn returned_hosts(text: &str) -> Vec<&str> {
    let host = |part: &'_ str| part.starts_with(|c: char| c.is_ascii_hexdigit());
    text.split("returned '").skip(1).map(|part| &part[..12]).filter(|part| host(part)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_come_from_a_container_that_held_no_hidden_input() {
    let _shared = machine::shared().await;
    let sandbox = sandbox().await;
    let host = "import os\nHOST = os.uname().nodename\n";
    // The same task three times: one container, three trials.
    let tasks = || vec![task(), task(), task()];

    // Public cases fail: the container of the trials can only explain those of the first.
    let wrong = printing(&format!("{host}def reverse_string(s): return HOST\n"));
    let records_of =
        async |source: &str, disclose| records(&sandbox, source, tasks(), disclose).await;
    let hosts: Vec<_> = records_of(&wrong, Disclose::Public)
        .await
        .iter()
        .map(|record| returned_hosts(&record.cases[0].detail)[0].to_owned())
        .collect();
    assert_ne!(hosts[0], hosts[1]);
    assert_eq!(hosts[1], hosts[2]);

    // Hidden cases fail: the counterexample is never from the container of the trials.
    let late = format!("{host}def reverse_string(s): return s[::-1] if len(s) < 9 else HOST\n");
    for record in records_of(&printing(&late), Disclose::All).await {
        let mut details = record.cases.iter().map(|case| case.detail.as_str());
        let detail = details.find(|detail| detail.contains("this fails too")).expect("an example");
        let hosts = returned_hosts(detail);
        assert_eq!(hosts.len(), 2, "{detail}");
        assert_ne!(hosts[0], hosts[1], "{detail}");
    }

    // An answer that cannot be loaded explains itself, but not from a container that held hidden inputs.
    let refused = printing(&format!("{host}raise ValueError(HOST)\n"));
    for record in records_of(&refused, Disclose::Public).await {
        assert!(record.cases[0].detail.contains("ValueError"), "{record:?}");
    }
    sandbox.cleanup().await.expect("everything is removed");
}
