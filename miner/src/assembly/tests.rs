//! Runs assembled agents with the `python3` of the PATH.

use std::process::Command;

use proptest::prelude::*;
use tasks::{Seed, TaskView};

use super::*;
use crate::model::sample::SampleModel;
use crate::submit::agent_file::STARTER_AGENT;

fn test_header() -> AgentHeader {
    AgentHeader { model: "sample:good".into(), date: Some("2026-01-31".into()) }
}

fn part(view: &TaskView, answer: &str) -> AgentPart {
    AgentPart { task: view.clone(), answer: answer.into(), note: "not tried".into() }
}

fn view(id: &str) -> TaskView {
    tasks::find(id).unwrap().view()
}

/// Runs an agent on one prompt. Returns its stdout, stderr and exit status.
fn ask(source: &str, prompt: &str) -> (String, String, Option<i32>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.py");
    std::fs::write(&file, source).unwrap();
    let mut python = Command::new("python3");
    python.args(["-P", "-s", "-X", "utf8"]).arg(&file).args(["--task", prompt]);
    let output = python.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Runs an agent on several prompts in one process.
fn ask_all(source: &str, prompts: &[String]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("known.py"), source).unwrap();
    let prompts = serde_json::to_vec(prompts).unwrap();
    std::fs::write(directory.path().join("prompts.json"), prompts).unwrap();
    let asking = "
import contextlib, io, json, pathlib, runpy, sys
directory = pathlib.Path(sys.argv[0]).parent
answers = []
for prompt in json.loads((directory / 'prompts.json').read_text(encoding='utf-8')):
    sys.argv = ['agent.py', '--task', prompt]
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        runpy.run_path(str(directory / 'known.py'), run_name='__main__')
    answers.append(stdout.getvalue())
print(json.dumps(answers))
";
    let file = directory.path().join("asking.py");
    std::fs::write(&file, asking).unwrap();
    let output = Command::new("python3").arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Checks the output of the agent made of these parts; `None` means that it knows no answer.
fn check(parts: &[AgentPart], prompt: &str, expected: Option<&str>) {
    let source = assemble(parts, &test_header()).unwrap();
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
fn the_good_agent_answers_every_task_with_its_reference() {
    let all = tasks::all();
    let parts: Vec<_> = all
        .iter()
        .map(|task| part(&task.view(), &SampleModel::Good.answer_to(&task.view()).unwrap()))
        .collect();
    let source = assemble(&parts, &test_header()).unwrap();
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
fn finds_a_prompt_despite_other_line_breaks_and_by_the_name_it_asks_for() {
    let parts = [part(&view("reverse_string"), "one\n"), part(&view("fizz_buzz"), "two\n")];
    let prompt = &parts[0].task.prompt;
    check(&parts, prompt, Some("one\n"));
    check(&parts, &prompt.replace(' ', "\n  "), Some("one\n"));
    check(&parts, "Please write a function fizz_buzz for me.", Some("two\n"));
}

#[test]
fn does_not_answer_an_unknown_prompt() {
    let parts = [part(&view("reverse_string"), "one\n")];
    check(&parts, "Implement a function unknown_name(n: int) -> int.", None);
    check(&parts, "Implement a function reverse(s: str) -> str.", None);
    check(&parts, "", None);
    check(&parts, "  1| a listing without a reviewer", None);
}

#[test]
fn finds_a_findings_task_by_the_text_above_its_file() {
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
fn ends_a_reviewer_that_does_not_return() {
    let task = tasks::find("review_web_app").unwrap();
    let program = "import time\ndef answer(prompt):\n    time.sleep(60)\n";
    let source = assemble(&[part(&task.view(), program)], &test_header()).unwrap();
    let (stdout, _, status) = ask(&source, &task.prompt(Seed(9)));
    // A process that is ended by a signal has no status.
    assert_eq!((stdout.as_str(), status), ("", None));
}

#[test]
fn the_same_answers_make_the_same_agent() {
    let parts = [part(&view("reverse_string"), "x = 1\n")];
    let source = assemble(&parts, &test_header()).unwrap();
    assert_eq!(source, assemble(&parts, &test_header()).unwrap());
    for part in ["sample:good", "2026-01-31", "reverse_string: not tried"] {
        assert!(source.contains(part), "{part:?} is not in\n{source}");
    }
}

#[test]
fn foreign_text_cannot_leave_its_comment() {
    let mut task = view("reverse_string");
    task.title = "harmless\nimport os".into();
    let part = AgentPart { note: "fine\r\nimport os".into(), ..part(&task, "x = 1\n") };
    let header =
        AgentHeader { model: "model\nimport os".into(), date: Some("today\nimport os".into()) };
    let source = assemble(&[part], &header).unwrap();
    assert!(!source.lines().any(|line| line.starts_with("import os")), "{source}");
}

#[test]
fn rejects_parts_that_do_not_make_an_agent() {
    assert!(matches!(assemble(&[], &test_header()), Err(AssemblyError::Empty)));
    let large = part(&view("reverse_string"), &"#".repeat(MAX_SOURCE_BYTES));
    assert!(matches!(assemble(&[large], &test_header()), Err(AssemblyError::TooLarge { .. })));
}

#[test]
fn prints_every_answer_unchanged() {
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

#[test]
fn the_starter_finds_the_id_of_every_task_in_its_prompt() {
    let views: Vec<_> = tasks::all().iter().map(tasks::Task::view).collect();
    let answers: Vec<_> = views.iter().map(|view| format!("'{0}': '{0}'", view.id)).collect();
    let answers = answers.join(", ");
    let start = STARTER_AGENT.find("ANSWERS = {").unwrap();
    let end = start + STARTER_AGENT[start..].find("\n}\n").unwrap() + 3;
    let source =
        format!("{}ANSWERS = {{{answers}}}\n{}", &STARTER_AGENT[..start], &STARTER_AGENT[end..]);
    let prompts: Vec<_> = views.iter().map(|view| view.prompt.clone()).collect();
    let ids: Vec<_> = views.iter().map(|view| format!("{}\n", view.id)).collect();
    assert_eq!(ask_all(&source, &prompts), ids);
}
