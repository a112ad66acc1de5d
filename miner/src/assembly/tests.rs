//! Runs assembled agents with the `python3` of the PATH.

use std::process::Command;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tasks::{Seed, TaskView};

use super::*;
use crate::source::sample::Sample;

fn making() -> Making {
    Making { by: "sample:good".into(), date: Some("2026-01-31".into()) }
}

fn part(view: &TaskView, answer: &str) -> Part {
    Part { task: view.clone(), answer: answer.into(), note: "not tried".into() }
}

fn view(id: &str) -> TaskView {
    tasks::find(id).unwrap().view()
}

/// Asks one prompt.
fn ask(source: &str, prompt: &str) -> (String, String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.py");
    std::fs::write(&file, source).unwrap();
    let mut python = Command::new("python3");
    python.args(["-P", "-s", "-X", "utf8"]).arg(&file).args(["--task", prompt]);
    let output = python.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Asks one prompt after the other, all in one process.
fn ask_all(source: &str, prompts: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("known.py"), source).unwrap();
    let prompts = serde_json::to_vec(prompts).unwrap();
    std::fs::write(folder.path().join("prompts.json"), prompts).unwrap();
    let asking = "
import contextlib, io, json, pathlib, runpy, sys
folder = pathlib.Path(sys.argv[0]).parent
answers = []
for prompt in json.loads((folder / 'prompts.json').read_text(encoding='utf-8')):
    sys.argv = ['agent.py', '--task', prompt]
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        runpy.run_path(str(folder / 'known.py'), run_name='__main__')
    answers.append(stdout.getvalue())
print(json.dumps(answers))
";
    let file = folder.path().join("asking.py");
    std::fs::write(&file, asking).unwrap();
    let output = Command::new("python3").arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The agent made of these parts prints this when it is asked that.
fn check(parts: &[Part], prompt: &str, expected: Option<&str>) {
    let source = assemble(parts, &making()).unwrap();
    let (stdout, stderr, status) = ask(&source, prompt);
    let status_expected = i32::from(expected.is_none());
    assert_eq!(
        (stdout.as_str(), status),
        (expected.unwrap_or(""), Some(status_expected)),
        "{stderr}"
    );
    assert_eq!(stderr.contains("no answer is known"), expected.is_none(), "{stderr}");
}

#[test]
fn the_good_agent_answers_every_task_of_the_arena_with_its_reference() {
    let all = tasks::all();
    let parts: Vec<_> = all
        .iter()
        .map(|task| part(&task.view(), &Sample::Good.answer_to(&task.view()).unwrap()))
        .collect();
    let source = assemble(&parts, &making()).unwrap();
    let seed = Seed(77);
    let prompts: Vec<_> = all.iter().map(|task| task.prompt(seed)).collect();
    for (task, stdout) in all.iter().zip(ask_all(&source, &prompts)) {
        match task.kind {
            Kind::Code { .. } => assert_eq!(stdout, task.reference(seed), "{}", task.id),
            Kind::Findings => {
                let judged = task.judge_findings(&task.cases(seed), &stdout);
                let wrong: Vec<_> =
                    judged.iter().filter(|(verdict, _)| verdict.is_wrong()).collect();
                assert!(wrong.is_empty(), "{}: {wrong:?}", task.id);
            }
        }
    }
}

#[test]
fn a_prompt_is_known_however_its_lines_are_broken_and_by_the_name_it_asks_for() {
    let parts = [part(&view("reverse_string"), "one\n"), part(&view("fizz_buzz"), "two\n")];
    let prompt = &parts[0].task.prompt;
    check(&parts, prompt, Some("one\n"));
    check(&parts, &prompt.replace(' ', "\n  "), Some("one\n"));
    check(&parts, "Please write a function fizz_buzz for me.", Some("two\n"));
}

#[test]
fn an_unknown_prompt_is_not_answered_with_nonsense() {
    let parts = [part(&view("reverse_string"), "one\n")];
    check(&parts, "Implement a function nobody_knows(n: int) -> int.", None);
    check(&parts, "Implement a function reverse(s: str) -> str.", None);
    check(&parts, "", None);
    check(&parts, "  1| a listing, and no reviewer", None);
}

#[test]
fn a_findings_task_is_known_by_what_stands_above_its_file() {
    let task = tasks::find("review_web_app").unwrap();
    let program = "def answer(prompt):\n    return str(prompt.count('|'))\n";
    let parts = [part(&task.view(), program)];
    let prompt = task.prompt(Seed(9));
    assert_ne!(prompt, task.view().prompt);
    let expected = prompt.matches('|').count().to_string();
    check(&parts, &prompt, Some(&expected));
    check(&parts, "Find what is wrong in this:\n  1| x = 1\n  2| y = 2", Some("2"));
}

#[test]
fn a_program_that_does_not_end_is_ended_before_the_sandbox_would() {
    let task = tasks::find("review_web_app").unwrap();
    let program = "import time\ndef answer(prompt):\n    time.sleep(60)\n";
    let source = assemble(&[part(&task.view(), program)], &making()).unwrap();
    let since = Instant::now();
    let (stdout, _, status) = ask(&source, &task.prompt(Seed(9)));
    // A signal ended it, so there is no status.
    assert_eq!((stdout.as_str(), status), ("", None));
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[test]
fn the_same_answers_give_the_same_agent_and_its_header_says_how_it_was_made() {
    let parts = [part(&view("reverse_string"), "x = 1\n")];
    let source = assemble(&parts, &making()).unwrap();
    assert_eq!(source, assemble(&parts, &making()).unwrap());
    for said in ["sample:good", "2026-01-31", "reverse_string: not tried"] {
        assert!(source.contains(said), "{said:?} is not in\n{source}");
    }
}

#[test]
fn nothing_that_a_platform_or_a_model_says_leaves_its_comment() {
    let mut task = view("reverse_string");
    task.title = "harmless\nimport os".into();
    let part = Part { note: "fine\r\nimport os".into(), ..part(&task, "x = 1\n") };
    let making = Making { by: "model\nimport os".into(), date: Some("today\nimport os".into()) };
    let source = assemble(&[part], &making).unwrap();
    assert!(!source.lines().any(|line| line.starts_with("import os")), "{source}");
}

#[test]
fn what_makes_no_agent_is_refused() {
    assert!(matches!(assemble(&[], &making()), Err(AssemblyError::Empty)));
    let large = part(&view("reverse_string"), &"#".repeat(MAX_SOURCE_BYTES));
    assert!(matches!(assemble(&[large], &making()), Err(AssemblyError::TooLarge { .. })));
}

#[test]
fn every_answer_comes_out_as_it_went_in() {
    let view = view("reverse_string");
    for answer in [
        "",
        "plain\n",
        "'''",
        "\"\"\" and '''",
        "ends with '",
        "ends with \\",
        "\\''' \\\"\"\"",
        "\r\n\t\u{b}\u{c}\u{85}\u{2028}\u{feff}\u{0}\u{1b}[2J",
        "print('\\n', \"\\\\\")\n",
        "ä 漢 😀",
    ] {
        check(&[part(&view, answer)], &view.prompt, Some(answer));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_literal(texts in proptest::collection::vec(
        "[ab'\"\\\\\n\r\t{}\u{0}-\u{20}é😀]{0,40}", 100..101,
    )) {
        let literals: Vec<_> = texts.iter().map(|text| literal::of(text)).collect();
        let program = format!("import json\nprint(json.dumps([{}]))\n", literals.join(",\n"));
        let (stdout, stderr, _) = ask(&program, "");
        let read: Vec<String> = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
        prop_assert_eq!(read, texts);
    }
}
