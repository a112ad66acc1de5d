//! The loop with a source that plays a script: what it asks, what it keeps, and when it stops.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use miner::answers::Answers;
use miner::budget::Price;
use miner::mine::{Event, MineError, Plan, run};
use miner::source::{Ask, Flaw, MAX_ANSWER_BYTES, Progress, Reply, Source, SourceError, Usage};
use tasks::TaskView;

/// What a source does when it is asked.
enum Answer {
    Says(Reply),
    Fails(SourceError),
    Silence,
    /// 300 bytes come, the answer breaks off, and another attempt gets this one.
    Breaks(Reply),
}

/// Answers in the order of the script, whatever is asked.
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<(String, u32, u64, usize)>>,
}

impl Source for Script {
    fn name(&self) -> String {
        "script".to_owned()
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Result<Reply, SourceError>> {
        let asked =
            (ask.task.id.to_string(), ask.attempt, ask.max_output_tokens, ask.messages.len());
        self.asked.lock().unwrap().push(asked);
        let next = self.answers.lock().unwrap().pop_front().expect("the script goes on");
        match next {
            Answer::Says(reply) => std::future::ready(Ok(reply)).boxed(),
            Answer::Fails(error) => std::future::ready(Err(error)).boxed(),
            Answer::Silence => {
                (ask.on_progress)(Progress::Received { bytes: 300 });
                std::future::pending().boxed()
            }
            Answer::Breaks(reply) => {
                (ask.on_progress)(Progress::Received { bytes: 300 });
                (ask.on_progress)(Progress::Retrying { reason: "gone".to_owned(), wait_ms: 0 });
                std::future::ready(Ok(reply)).boxed()
            }
        }
    }
}

fn reply(text: &str, flaw: Option<Flaw>) -> Reply {
    let usage = Usage { input_tokens: 100, output_tokens: 20, ..Usage::default() };
    Reply { text: text.to_owned(), usage, flaw }
}

fn said(text: &str) -> Answer {
    Answer::Says(reply(text, None))
}

fn flawed(flaw: Flaw) -> Answer {
    Answer::Says(reply("def reverse_string(", Some(flaw)))
}

fn failed() -> Answer {
    Answer::Fails(SourceError::Failed("503".to_owned()))
}

const REVERSE: &str = "def reverse_string(s):\n    return s[::-1]\n";

/// What came of a run over two tasks.
struct Ran {
    ended: Result<(), MineError>,
    asked: Vec<(String, u32, u64, usize)>,
    failures: Vec<String>,
    left: Vec<String>,
    spent: Usage,
    answers: Answers,
    tasks: Vec<TaskView>,
}

impl Ran {
    fn answered(&self) -> Vec<bool> {
        self.tasks.iter().map(|task| self.answers.get(&task.id).is_some()).collect()
    }

    fn error(&self) -> String {
        self.ended.as_ref().unwrap_err().to_string()
    }
}

/// Runs the loop without a sandbox under these budgets.
async fn play(
    script: Vec<Answer>,
    (budget, task_budget): (&str, &str),
    price: Option<Price>,
) -> Ran {
    let tasks: Vec<_> =
        ["reverse_string", "fizz_buzz"].map(|id| tasks::find(id).unwrap().view()).into();
    let source = Script { answers: Mutex::new(script.into()), asked: Mutex::default() };
    let (answers, failures, left) = (Answers::default(), Mutex::default(), Mutex::default());
    let failures: Mutex<Vec<String>> = failures;
    let left: Mutex<Vec<String>> = left;
    let spent = Mutex::default();
    let on_event = |event| match event {
        Event::Exchanged(exchange) => failures.lock().unwrap().extend(exchange.failed),
        Event::Spent(usage) => *spent.lock().unwrap() = usage,
        Event::Left { why, .. } => left.lock().unwrap().push(why),
        _ => {}
    };
    let plan = Plan {
        tasks: &tasks,
        attempts: 3,
        tryout: None,
        budget: budget.parse().unwrap(),
        task_budget: task_budget.parse().unwrap(),
        price,
        max_output_tokens: 1000,
    };
    let ended = run(&source, &plan, &answers, &on_event).await;
    let (failures, left) = (failures.into_inner().unwrap(), left.into_inner().unwrap());
    let (asked, spent) = (source.asked.into_inner().unwrap(), spent.into_inner().unwrap());
    Ran { ended, asked, failures, left, spent, answers, tasks }
}

const FREE: (&str, &str) = ("tokens=100000", "tokens=100000");

#[tokio::test]
async fn useless_answers_are_ordinary_and_lead_to_another_question() {
    let fizz = "def fizz_buzz(n):\n    return []\n";
    for (useless, why) in [
        (said(""), "is empty"),
        (said("I'd rather not."), "no Python code"),
        (said("```python\ndef reverse_string(:\n```"), "not acceptable: line 1"),
        (said("```python\nimport numpy\ndef reverse_string(s): return s\n```"), "numpy"),
        (said("def other(s):\n    return s\n"), "does not define reverse_string"),
        (flawed(Flaw::Truncated), "ends in the middle"),
        (flawed(Flaw::Refused), "refused"),
        (flawed(Flaw::TooLong), "far too long"),
        (said(&REVERSE.repeat(MAX_ANSWER_BYTES / REVERSE.len() + 1)), "far too long"),
        (
            said("```python\nclass Solution:\n    def reverse_string(self, s): ...\n```"),
            "top level",
        ),
    ] {
        let ran = play(vec![useless, said(REVERSE), said(fizz)], FREE, None).await;
        ran.ended.as_ref().unwrap();
        assert!(
            ran.failures.len() == 1 && ran.failures[0].contains(why),
            "{why}: {:?}",
            ran.failures
        );
        assert_eq!(ran.answered(), [true, true], "{why}");
        let asked: Vec<_> =
            ran.asked.iter().map(|(_, attempt, _, said)| (*attempt, *said)).collect();
        // Rules and task; then also the answer and what was wrong with it.
        assert_eq!(asked, [(1, 2), (2, 4), (1, 2)], "{why}");
    }
}

#[tokio::test]
async fn the_attempts_have_an_end() {
    let no = || said("no");
    let ran = play(vec![no(), no(), no(), said("def fizz_buzz(n): pass")], FREE, None).await;
    ran.ended.as_ref().unwrap();
    assert_eq!(ran.answered(), [false, true]);
}

#[tokio::test]
async fn a_provider_that_fails_once_costs_a_task_and_one_that_goes_on_failing_ends_the_run() {
    let ran = play(vec![failed(), said("def fizz_buzz(n): pass")], FREE, None).await;
    ran.ended.as_ref().unwrap();
    assert_eq!((ran.answered(), ran.left.len()), (vec![false, true], 1));
    let ran = play(vec![failed(), failed()], FREE, None).await;
    assert_eq!(ran.error(), "503");
    let unusable = Answer::Fails(SourceError::Unusable("wrong key".to_owned()));
    let ran = play(vec![said(REVERSE), unusable], FREE, None).await;
    assert_eq!((ran.error(), ran.answered()), ("wrong key".to_owned(), vec![true, false]));
}

#[tokio::test]
async fn the_budget_of_a_task_ends_the_task_and_the_whole_budget_ends_the_run() {
    let ran = play(
        vec![said("no"), said("no"), said("def fizz_buzz(n): pass")],
        ("tokens=100000", "tokens=200"),
        None,
    )
    .await;
    ran.ended.as_ref().unwrap();
    assert!(ran.left[0].contains("240 tokens are used"), "{:?}", ran.left);
    assert_eq!(ran.answered(), [false, true]);
    // No answer may be longer than what is left.
    let limits: Vec<_> = ran.asked.iter().map(|(_, _, limit, _)| *limit).collect();
    assert_eq!(limits, [200, 80, 200]);

    let ran = play(vec![said(REVERSE)], ("tokens=120", "tokens=100000"), None).await;
    assert_eq!(ran.error(), "the budget is used up: 120 tokens are used");
    assert_eq!(ran.answered(), [true, false]);
}

#[tokio::test]
async fn money_is_counted_by_the_price_and_cannot_be_limited_without_one() {
    let price = Price { input_usd: 10_000.0, output_usd: 0.0 };
    let ran = play(vec![said(REVERSE)], ("cost=1", "tokens=100000"), Some(price)).await;
    assert!(ran.error().contains("$1.0000 are spent"), "{}", ran.error());
    let ran = play(vec![said(REVERSE)], ("cost=1", "tokens=100000"), None).await;
    assert!(ran.error().contains("--price"), "{}", ran.error());
    assert_eq!(ran.answered(), [true, false]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_free() {
    let fizz = || said("def fizz_buzz(n): pass");
    let whole = play(vec![said(REVERSE), fizz()], FREE, None).await.spent;
    assert_eq!((whole.tokens(), whole.guessed), (240, false));
    let broken = play(vec![Answer::Breaks(reply(REVERSE, None)), fizz()], FREE, None).await.spent;
    // What came, and the question once more.
    assert!(broken.guessed && broken.output_tokens == whole.output_tokens + 100, "{broken:?}");
    assert!(broken.input_tokens > whole.input_tokens + 100, "{broken:?}");
    let late = play(vec![Answer::Silence, fizz()], ("seconds=60", "seconds=1"), None).await.spent;
    assert!(late.guessed && late.output_tokens == 120, "{late:?}");
}

#[tokio::test]
async fn a_model_that_is_silent_costs_no_more_time_than_the_budget_has() {
    let script = || vec![Answer::Silence, said("def fizz_buzz(n): pass")];
    let ran = play(script(), ("seconds=60", "seconds=1"), None).await;
    ran.ended.as_ref().unwrap();
    assert!(ran.left[0].contains("s are over"), "{:?}", ran.left);
    assert_eq!(ran.answered(), [false, true]);
    let ran = play(script(), ("seconds=1", "seconds=60"), None).await;
    assert!(ran.error().contains("s are over"), "{}", ran.error());
}
