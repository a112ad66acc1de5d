//! The quality of the samples. Programs run with the `python3` of the PATH.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// Runs a reviewer on prompts and returns its answer to each.
fn review(program: &str, prompts: &[String]) -> Vec<String> {
    let loop_over_prompts = "import json, sys\nprogram = {}\nexec(sys.argv[1], program)\n\
        print(json.dumps([program['answer'](prompt) for prompt in json.load(sys.stdin)]))\n";
    let mut python = Command::new("python3");
    python.args(["-c", loop_over_prompts, program]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    let prompts = serde_json::to_vec(prompts).unwrap();
    python.stdin.take().unwrap().write_all(&prompts).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Percentage of cases that the sample's reviewer passes in 60 rounds.
fn share(sample: SampleModel, task: &Task) -> usize {
    let seeds: Vec<_> = (0..60).map(Seed).collect();
    let prompts: Vec<_> = seeds.iter().map(|seed| task.prompt(*seed)).collect();
    let program = sample.answer_to(&task.view()).unwrap();
    let (mut right, mut all) = (0, 0);
    for (seed, answer) in seeds.iter().zip(review(&program, &prompts)) {
        let cases = task.cases(*seed);
        let judged = task.judge_findings(&cases, &answer);
        right += judged.iter().filter(|(verdict, _)| !verdict.is_wrong()).count();
        all += cases.len();
    }
    right * 100 / all
}

#[test]
fn reviewers_have_the_quality_of_their_sample() {
    for task in tasks::all().iter().filter(|task| task.kind == Kind::Findings) {
        let good = share(SampleModel::Good, task);
        assert_eq!(good, 100, "{}: it needs a careful reviewer of its own", task.id);
        assert!(share(SampleModel::Bad, task) < 10, "{}", task.id);
    }
    let hasty = review(HASTY_REVIEWER, &[tasks::find("review_web_app").unwrap().prompt(Seed(1))]);
    assert!(tasks::findings::parse(&hasty[0]).is_ok(), "{hasty:?}");
}

#[test]
fn every_task_has_a_different_answer_of_each_sample() {
    for task in tasks::all() {
        let answers = SampleModel::ALL.map(|sample| sample.answer_to(&task.view()).unwrap());
        assert_ne!(answers[0], answers[2], "{}", task.id);
        if let Kind::Code { entry_point } = &task.kind {
            assert_eq!(answers[0], task.reference(Seed(5)), "{}", task.id);
            for answer in answers {
                assert!(crate::extract::defines(&answer, entry_point), "{}: {answer}", task.id);
            }
        }
    }
}

#[test]
fn the_partial_sample_mixes_good_and_bad_answers() {
    let all = tasks::all();
    let equal_to = |other: SampleModel| {
        let same = |task: &&Task| {
            SampleModel::Partial.answer_to(&task.view()) == other.answer_to(&task.view())
        };
        all.iter().filter(same).count()
    };
    for count in [equal_to(SampleModel::Good), equal_to(SampleModel::Bad)] {
        assert!(count >= all.len() / 5 && count <= all.len() / 2, "{count} of {}", all.len());
    }
}

#[test]
fn an_unknown_task_has_no_sample() {
    let mut view = tasks::find("reverse_string").unwrap().view();
    view.id = "not_built_in".parse().unwrap();
    assert_eq!(SampleModel::Good.answer_to(&view), None);
}
