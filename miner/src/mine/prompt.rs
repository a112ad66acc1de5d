//! The prompts: the rules once, then the task, and after a failed attempt what was wrong with it.

use std::fmt::Write as _;

use tasks::{Kind, TaskView};

use crate::extract::reasoning::without_reasoning;
use crate::model::source::{ChatMessage, ChatRole};

/// Longest feedback, in characters: enough for several failed cases.
const MAX_FEEDBACK_CHARS: usize = 6_000;

/// Longest reply that is repeated to its model, in bytes. Every repeated byte is paid for.
const MAX_REPEATED_BYTES: usize = 48 << 10;

const RULES: &str = "\
You write Python 3.11 for a programming contest. Your code is run in a sandbox without a network and with \
nothing but the standard library, and it is judged by many hidden tests: read the task word for word and \
consider the edge cases (empty, one, negative, very large, Unicode). Answer with the complete code in one \
Markdown code block and keep everything else short. The code must not read input, print, or run tests when \
it is loaded.";

/// The first messages of a conversation about a task.
pub fn opening(task: &TaskView) -> Vec<ChatMessage> {
    let system = ChatMessage { role: ChatRole::System, text: RULES.to_owned() };
    vec![system, user(question(task))]
}

/// A model's reply, as it is repeated to the model with the next question: without its reasoning, which models
/// should not see again, and shortened.
pub fn repeated(reply: &str) -> ChatMessage {
    let mut text = without_reasoning(reply);
    if text.len() > MAX_REPEATED_BYTES {
        text.truncate(text.floor_char_boundary(MAX_REPEATED_BYTES));
        text.push('…');
    }
    ChatMessage { role: ChatRole::Assistant, text }
}

/// The feedback on a failed attempt.
pub fn feedback(task: &TaskView, what_failed: &str) -> ChatMessage {
    let mut shown: String = what_failed.chars().take(MAX_FEEDBACK_CHARS).collect();
    if what_failed.chars().nth(MAX_FEEDBACK_CHARS).is_some() {
        shown.push('…');
    }
    let name = required_name(task);
    user(format!(
        "That did not pass. The result:\n\n{}\n\nFind the cause, and answer with the whole \
         corrected code, which defines `{name}`, in one code block.",
        shown.trim_end()
    ))
}

/// The name that code for this task must define.
pub fn required_name(task: &TaskView) -> &str {
    match &task.kind {
        Kind::Code { entry_point } => entry_point,
        Kind::Findings => "answer",
    }
}

fn question(task: &TaskView) -> String {
    let mut text = match &task.kind {
        Kind::Code { entry_point } => format!(
            "{}\n\nThe code must define `{entry_point}` at its top level. A single call may use {} \
             seconds of processor time.\n",
            task.prompt,
            seconds(task.limits.call_cpu_ms)
        ),
        Kind::Findings => format!(
            "Write a program that solves tasks of the following kind. The file shown in the task is \
             only an example: the program is run on others with the same kinds of weakness, in which \
             names, order and wording differ, so it must analyse the file (the module `ast` helps) and \
             must not recognise this one. Define a function `answer(prompt: str) -> str` that takes \
             the whole text of such a task and returns the answer as text in the format that the task \
             states.\n\nThe task:\n\n{}\n",
            task.prompt
        ),
    };
    for (index, example) in task.examples.iter().enumerate() {
        let heading = if index == 0 { "\nExamples:\n" } else { "" };
        let _ = writeln!(text, "{heading}{} -> {}", example.call, example.expected.trim_end());
    }
    text
}

fn user(text: String) -> ChatMessage {
    ChatMessage { role: ChatRole::User, text }
}

/// `2` or `0.5`.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(id: &str) -> TaskView {
        tasks::find(id).unwrap().view()
    }

    #[test]
    fn a_question_states_the_task_its_examples_and_the_required_name() {
        for task in tasks::all() {
            let view = task.view();
            let question = &opening(&view)[1].text;
            assert!(question.contains(&view.prompt), "{}", view.id);
            assert!(question.contains(&format!("`{}", required_name(&view))), "{}", view.id);
            for example in &view.examples {
                assert!(question.contains(example.expected.trim_end()), "{}", view.id);
            }
        }
        assert!(
            opening(&view("reverse_string"))[1].text.contains("reverse_string('hello') -> 'olleh'")
        );
    }

    #[test]
    fn feedback_is_bounded() {
        let feedback = |text: &str| feedback(&view("reverse_string"), text).text;
        assert!(feedback("f('a') returned 'b'").contains("f('a') returned 'b'"));
        assert!(feedback(&"é".repeat(1 << 20)).chars().count() < MAX_FEEDBACK_CHARS + 500);
    }

    #[test]
    fn a_repeated_reply_has_no_reasoning_and_is_bounded() {
        assert_eq!(repeated("<think>hm</think>x").text, "x");
        assert!(repeated(&"é".repeat(1 << 20)).text.len() < MAX_REPEATED_BYTES + 5);
    }

    #[test]
    fn seconds_have_no_trailing_zeros() {
        assert_eq!([2000, 500, 12_340].map(seconds), ["2", "0.5", "12.34"]);
    }
}
