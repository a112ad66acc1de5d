//! Every verdict, in the real sandbox: small agents that are told apart by nothing but how they fail.

use std::sync::Arc;

use harness::round::check::check;
use harness::sandbox::Sandbox;
use harness::sandbox::{self, SandboxSettings};
use harness::trial::record::Disclose;
use tasks::{Seed, Task, Verdict};

/// `reverse_string` with limits that let a test be quick.
fn task() -> Task {
    let mut task = tasks::find("reverse_string").expect("the first task");
    task.limits.agent_wall_ms = 3_000;
    // Filling the memory takes a slow machine a good part of a second.
    task.limits.call_cpu_ms = 1_000;
    task.limits.calls_wall_ms = 3_000;
    task
}

async fn sandbox() -> Sandbox {
    sandbox::open(&SandboxSettings::default(), &|_| ()).await.expect("the sandbox opens")
}

/// An agent that prints this answer.
fn printing(answer: &str) -> String {
    format!("print({})\n", serde_json::to_string(answer).expect("text is plain data"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_fail_has_its_verdict_and_costs_its_own_cases_alone() {
    use Verdict::{
        Accepted, MemoryLimit, NoSolution, OutputLimit, RuntimeError, TimeLimit, WrongAnswer,
    };
    // Each answer: what it does before it reverses. The example 'hello' is the case to fail.
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
    let sandbox = sandbox().await;
    for (name, source, verdict, passed) in &agents {
        let checked =
            check(&sandbox, source, vec![task()], Seed(1), Disclose::Public, Arc::new(|_| ()))
                .await;
        let checked = checked.expect("the arena does not fail");
        assert_eq!(checked.faults, Vec::<String>::new(), "{name}");
        let result = &checked.trials[0].result;
        let got = (result.verdict, result.passed);
        assert_eq!(got, (*verdict, *passed), "{name}:\n{}", result.failure());
    }
    sandbox.cleanup().await.expect("everything is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_on_many_tasks_starts_clean_each_time() {
    // It leaves a file, a process and an environment behind, and answers only while it finds none of them.
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
    let sandbox = sandbox().await;
    // The same task three times: one container, three trials.
    let tasks = vec![task(), task(), task()];
    let checked = check(&sandbox, source, tasks, Seed(1), Disclose::Public, Arc::new(|_| ())).await;
    let checked = checked.expect("the arena does not fail");
    for trial in &checked.trials {
        assert_eq!(trial.result.verdict, Verdict::Accepted, "{}", trial.result.failure());
    }
    assert_eq!(checked.trials.len(), 3);
    sandbox.cleanup().await.expect("everything is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_used_and_wrote_is_recorded() {
    let source = "import sys\nsys.stderr.write('a' * 20000 + 'the end')\nx = bytearray(100 << 20)\nfor i in range(3_000_000): pass\n";
    let sandbox = sandbox().await;
    let checked =
        check(&sandbox, source, vec![task()], Seed(1), Disclose::Public, Arc::new(|_| ())).await;
    let result = &checked.expect("the arena does not fail").trials[0].result;
    assert!(result.stderr_truncated && result.stderr.ends_with("the end"), "{result:?}");
    assert_eq!(result.stderr.len(), 16 << 10);
    assert!(result.peak_memory_bytes > 100 << 20, "{} bytes", result.peak_memory_bytes);
    assert!(result.cpu_ms > 20, "{} ms", result.cpu_ms);
    sandbox.cleanup().await.expect("everything is removed");
}

/// Inputs of hidden cases that cannot be taken for anything else.
fn hidden_inputs() -> Vec<String> {
    let cases = task().cases(Seed(1)).into_iter().filter(|case| !case.public);
    let text = |case: tasks::Case| match serde_json::to_value(case.input()) {
        Ok(input) => input["args"][0].as_str().map(str::to_owned),
        Err(_) => None,
    };
    cases.filter_map(text).filter(|text| text.len() > 8 && text.is_ascii()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_to_everybody_comes_from_a_process_that_knew_no_hidden_input() {
    let sandbox = sandbox().await;
    let hidden = hidden_inputs();
    assert!(hidden.len() > 3, "{hidden:?}");
    // Every frame up to the driver's own is where an answer would find them.
    let find = r#"
import os, struct, sys
def found():
    frame, seen = sys._getframe(), []
    while frame:
        seen += [call["args"][0] for call in frame.f_locals.get("calls", [])]
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
    // So slow in each process that there is no time to make the failing input smaller.
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
        let told = async |disclose| {
            let told = check(&sandbox, &source, vec![task()], Seed(1), disclose, Arc::new(|_| ()));
            let told = told.await.expect("the arena does not fail").trials.remove(0).result;
            assert_eq!(told.verdict, verdict, "{way}: {told:?}");
            serde_json::to_string(&told.cases).expect("cases are plain data")
        };
        let found = |told: &str| hidden.iter().any(|input| told.contains(input.as_str()));
        for disclose in [Disclose::None, Disclose::Public] {
            let told = told(disclose).await;
            assert!(!found(&told), "{way}, {disclose:?}: {}", &told[..1000]);
            assert!(told.len() < 100_000, "{way}: {} bytes", told.len());
        }
        // It is not for want of looking: what is called later finds them, and the validator may see that.
        let all = told(Disclose::All).await;
        let can = way.starts_with("def") && !way.contains("_exit");
        assert_eq!(found(&all), can, "{way}: {}", &all[..1000]);
    }
    sandbox.cleanup().await.expect("everything is removed");
}
