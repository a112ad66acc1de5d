//! The mining loop with a scripted source: what it asks, what it keeps, and when it stops.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use harness::gateway::price::Price;
use miner::mine::plan::MiningSettings;
use miner::model::source::{
    AnswerSource, AnswerSourceError, MAX_REPLY_BYTES, ModelProgress, ModelReply, ModelRequest,
    ReplyFlaw, TokenUsage,
};

use crate::loop_run::{LoopRun, settings};

/// One step of the script.
enum ScriptedAnswer {
    Replies(ModelReply),
    Fails(AnswerSourceError),
    Silence,
    /// 300 bytes arrive, the reply breaks off, and a retry gets this one.
    Breaks(ModelReply),
}

/// A question to the source.
struct AskedQuestion {
    attempt: u32,
    max_output_tokens: u64,
    messages: usize,
}

/// Answers in the order of the script, whatever is asked.
struct ScriptedSource {
    answers: Mutex<VecDeque<ScriptedAnswer>>,
    asked: Mutex<Vec<AskedQuestion>>,
}

impl AnswerSource for ScriptedSource {
    fn name(&self) -> String {
        "script".to_owned()
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>> {
        let ModelRequest { attempt, max_output_tokens, .. } = *request;
        let messages = request.messages.len();
        self.asked.lock().unwrap().push(AskedQuestion { attempt, max_output_tokens, messages });
        let next = self.answers.lock().unwrap().pop_front().expect("the script has an answer");
        match next {
            ScriptedAnswer::Replies(reply) => std::future::ready(Ok(reply)).boxed(),
            ScriptedAnswer::Fails(error) => std::future::ready(Err(error)).boxed(),
            ScriptedAnswer::Silence => {
                (request.on_progress)(ModelProgress::Received { bytes: 300 });
                std::future::pending().boxed()
            }
            ScriptedAnswer::Breaks(reply) => {
                (request.on_progress)(ModelProgress::Received { bytes: 300 });
                (request.on_progress)(ModelProgress::Retrying {
                    reason: "gone".to_owned(),
                    wait_ms: 0,
                });
                std::future::ready(Ok(reply)).boxed()
            }
        }
    }
}

fn reply(text: &str, flaw: Option<ReplyFlaw>) -> ModelReply {
    let usage = TokenUsage { input_tokens: 100, output_tokens: 20, ..TokenUsage::default() };
    ModelReply { text: text.to_owned(), usage, flaw }
}

fn replies(text: &str) -> ScriptedAnswer {
    ScriptedAnswer::Replies(reply(text, None))
}

fn flawed(flaw: ReplyFlaw) -> ScriptedAnswer {
    ScriptedAnswer::Replies(reply("def reverse_string(", Some(flaw)))
}

fn failed() -> ScriptedAnswer {
    ScriptedAnswer::Fails(AnswerSourceError::Failed("503".to_owned()))
}

const REVERSE: &str = "def reverse_string(s):\n    return s[::-1]\n";

/// The outcome of a run over two tasks, and what was asked.
struct LoopOutcome {
    run: LoopRun,
    asked: Vec<AskedQuestion>,
}

impl std::ops::Deref for LoopOutcome {
    type Target = LoopRun;

    fn deref(&self) -> &LoopRun {
        &self.run
    }
}

/// The limits of a run.
#[derive(Clone, Copy)]
struct LoopLimits<'a> {
    budget: &'a str,
    task_budget: &'a str,
    price: Option<Price>,
}

const GENEROUS: LoopLimits<'static> =
    LoopLimits { budget: "tokens=100000", task_budget: "tokens=100000", price: None };

/// Runs the loop without a sandbox.
async fn play(script: Vec<ScriptedAnswer>, limits: LoopLimits<'_>) -> LoopOutcome {
    let tasks: Vec<_> =
        ["reverse_string", "fizz_buzz"].map(|id| tasks::find(id).unwrap().view()).into();
    let source = ScriptedSource { answers: Mutex::new(script.into()), asked: Mutex::default() };
    let settings = MiningSettings {
        budget: limits.budget.parse().unwrap(),
        task_budget: limits.task_budget.parse().unwrap(),
        price: limits.price,
        ..settings()
    };
    let run = LoopRun::of(&source, tasks, settings).await;
    LoopOutcome { run, asked: source.asked.into_inner().unwrap() }
}

#[tokio::test]
async fn an_unusable_reply_leads_to_another_question() {
    let fizz = "def fizz_buzz(n):\n    return []\n";
    for (unusable, why) in [
        (replies(""), "is empty"),
        (replies("I'd rather not."), "no Python code"),
        (replies("```python\ndef reverse_string(:\n```"), "not acceptable: line 1"),
        (replies("```python\nimport numpy\ndef reverse_string(s): return s\n```"), "numpy"),
        (replies("def other(s):\n    return s\n"), "does not define reverse_string"),
        (flawed(ReplyFlaw::Truncated), "ends in the middle"),
        (
            ScriptedAnswer::Replies(reply("<think>hm", Some(ReplyFlaw::Truncated))),
            "reasoning reached",
        ),
        (ScriptedAnswer::Replies(reply("", Some(ReplyFlaw::OnlyReasoning))), "--max-output-tokens"),
        (flawed(ReplyFlaw::Refused), "refused"),
        (flawed(ReplyFlaw::TooLong), "far too long"),
        (replies(&REVERSE.repeat(MAX_REPLY_BYTES / REVERSE.len() + 1)), "far too long"),
        (
            replies("```python\nclass Solution:\n    def reverse_string(self, s): ...\n```"),
            "top level",
        ),
    ] {
        let ran = play(vec![unusable, replies(REVERSE), replies(fizz)], GENEROUS).await;
        ran.ended.as_ref().unwrap();
        assert!(
            ran.failures.len() == 1 && ran.failures[0].contains(why),
            "{why}: {:?}",
            ran.failures
        );
        assert_eq!(ran.answered(), [true, true], "{why}");
        let asked: Vec<_> = ran.asked.iter().map(|asked| (asked.attempt, asked.messages)).collect();
        // Rules and task; then also the reply and the feedback on it.
        assert_eq!(asked, [(1, 2), (2, 4), (1, 2)], "{why}");
    }
}

#[tokio::test]
async fn stops_after_the_last_attempt() {
    let no = || replies("no");
    let ran = play(vec![no(), no(), no(), replies("def fizz_buzz(n): pass")], GENEROUS).await;
    ran.ended.as_ref().unwrap();
    assert_eq!(ran.answered(), [false, true]);
}

#[tokio::test]
async fn a_failing_source_costs_one_task_and_a_second_failure_ends_the_run() {
    let ran = play(vec![failed(), replies("def fizz_buzz(n): pass")], GENEROUS).await;
    ran.ended.as_ref().unwrap();
    assert_eq!((ran.answered(), ran.left.len()), (vec![false, true], 1));
    let ran = play(vec![failed(), failed()], GENEROUS).await;
    assert_eq!(ran.error(), "503");
    let unusable = ScriptedAnswer::Fails(AnswerSourceError::Unusable("wrong key".to_owned()));
    let ran = play(vec![replies(REVERSE), unusable], GENEROUS).await;
    assert_eq!((ran.error(), ran.answered()), ("wrong key".to_owned(), vec![true, false]));
}

#[tokio::test]
async fn a_task_budget_ends_the_task_and_the_whole_budget_ends_the_run() {
    let ran = play(
        vec![replies("no"), replies("no"), replies("def fizz_buzz(n): pass")],
        LoopLimits { task_budget: "tokens=200", ..GENEROUS },
    )
    .await;
    ran.ended.as_ref().unwrap();
    assert!(ran.left[0].contains("240 tokens are used"), "{:?}", ran.left);
    assert_eq!(ran.answered(), [false, true]);
    // No reply may be longer than the remaining budget.
    let limits: Vec<_> = ran.asked.iter().map(|asked| asked.max_output_tokens).collect();
    assert_eq!(limits, [200, 80, 200]);

    let ran = play(vec![replies(REVERSE)], LoopLimits { budget: "tokens=120", ..GENEROUS }).await;
    assert_eq!(ran.error(), "the budget is used up: 120 tokens are used");
    assert_eq!(ran.answered(), [true, false]);
}

#[tokio::test]
async fn a_money_limit_needs_a_price() {
    let price = Price { input_usd: 10_000.0, output_usd: 0.0 };
    let ran = play(
        vec![replies(REVERSE)],
        LoopLimits { budget: "cost=1", price: Some(price), ..GENEROUS },
    )
    .await;
    assert!(ran.error().contains("$1.0000 are spent"), "{}", ran.error());
    let ran = play(vec![replies(REVERSE)], LoopLimits { budget: "cost=1", ..GENEROUS }).await;
    assert!(ran.error().contains("--price"), "{}", ran.error());
    assert_eq!(ran.answered(), [true, false]);
}

#[tokio::test]
async fn an_aborted_reply_is_not_free() {
    let fizz = || replies("def fizz_buzz(n): pass");
    let whole = play(vec![replies(REVERSE), fizz()], GENEROUS).await.spent;
    assert_eq!((whole.tokens(), whole.guessed), (240, false));
    let broken =
        play(vec![ScriptedAnswer::Breaks(reply(REVERSE, None)), fizz()], GENEROUS).await.spent;
    // The aborted part, and the question once more.
    assert!(broken.guessed && broken.output_tokens == whole.output_tokens + 100, "{broken:?}");
    assert!(broken.input_tokens > whole.input_tokens + 100, "{broken:?}");
    let late = play(
        vec![ScriptedAnswer::Silence, fizz()],
        LoopLimits { budget: "seconds=60", task_budget: "seconds=1", ..GENEROUS },
    )
    .await
    .spent;
    assert!(late.guessed && late.output_tokens == 120, "{late:?}");
}

#[tokio::test]
async fn a_silent_model_is_ended_by_the_time_budget() {
    let script = || vec![ScriptedAnswer::Silence, replies("def fizz_buzz(n): pass")];
    let ran =
        play(script(), LoopLimits { budget: "seconds=60", task_budget: "seconds=1", ..GENEROUS })
            .await;
    ran.ended.as_ref().unwrap();
    assert!(ran.left[0].contains("s are over"), "{:?}", ran.left);
    assert_eq!(ran.answered(), [false, true]);
    let ran =
        play(script(), LoopLimits { budget: "seconds=1", task_budget: "seconds=60", ..GENEROUS })
            .await;
    assert!(ran.error().contains("s are over"), "{}", ran.error());
}
