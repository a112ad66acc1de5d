//! Puts answers together into one `agent.py`.
//!
//! The agent is a table: prompts on one side, answers on the other. So it answers at once whatever the
//! model took, it is the same every time it is made from the same answers, and whoever opens it can read
//! what it will say. Only a findings task, which shows another file in every round, has a program there.

use std::fmt::Write as _;

use platform::api::{MAX_SOURCE_BYTES, Violation};
use platform::validation;
use tasks::{Kind, TaskView};

mod literal;

/// The half of the agent that is always the same.
const ANSWERING: &str = include_str!("assembly/answering.py");

/// An answer that goes into the agent.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it answers.
    pub task: TaskView,
    /// Python source: what the agent prints, or for a findings task a program with a function
    /// `answer(prompt)`, which returns what the agent prints.
    pub answer: String,
    /// What came of trying it, in a few words for the header.
    pub note: String,
}

/// How an agent was made: what its header says.
#[derive(Clone, Debug, Default)]
pub struct Making {
    /// The model, or the name of another source.
    pub by: String,
    /// The date, if anybody wants it there. It is given and never read from a clock, so that the same
    /// answers give the same agent.
    pub date: Option<String>,
}

/// The parts make no agent.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// There is nothing to answer with.
    #[error("there is no answer to any task, so there is no agent to make of them")]
    Empty,
    /// The platform would refuse it for its size.
    #[error(
        "the agent would have {bytes} bytes, and {MAX_SOURCE_BYTES} are allowed: leave tasks out with --task"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The platform would refuse it.
    #[error("the platform would refuse the agent: {0}")]
    Refused(Violation),
}

/// Makes an agent of the parts, in their order. What it returns passes the platform's validation.
pub fn assemble(parts: &[Part], making: &Making) -> Result<String, AssemblyError> {
    if parts.is_empty() {
        return Err(AssemblyError::Empty);
    }
    let mut source = header(parts, making);
    for part in parts {
        table_entry(&mut source, part);
    }
    source.push_str(ANSWERING);
    if source.len() > MAX_SOURCE_BYTES {
        return Err(AssemblyError::TooLarge { bytes: source.len() });
    }
    let refused = |mut findings: Vec<Violation>| AssemblyError::Refused(findings.swap_remove(0));
    validation::validate(source.as_bytes()).map_err(refused)?;
    Ok(source)
}

fn header(parts: &[Part], making: &Making) -> String {
    let mut text = format!(
        "# An agent for the arena, put together by its miner.\n#\n# Answers by: {}\n",
        one_line(&making.by)
    );
    if let Some(date) = &making.date {
        let _ = writeln!(text, "# Date: {}", one_line(date));
    }
    let _ = writeln!(text, "# Tasks: {}", parts.len());
    for Part { task, note, .. } in parts {
        let _ = writeln!(text, "#   {}: {}", task.id, one_line(note));
    }
    text.push_str(
        "\nimport re\nimport signal\nimport sys\n\n\
         # What is asked, word for word, and what is printed then.\nPROMPTS = {}\nANSWERS = {}\n\
         # Of tasks that show another file in every round: what stands above the file, and a program that\n\
         # looks at the rest.\nOPENINGS = {}\nPROGRAMS = {}\n",
    );
    text
}

fn table_entry(source: &mut String, Part { task, answer, .. }: &Part) {
    let (question, asked, answered) = match task.kind {
        Kind::Code { .. } => (task.prompt.as_str(), "PROMPTS", "ANSWERS"),
        Kind::Findings => (above_listing(&task.prompt), "OPENINGS", "PROGRAMS"),
    };
    let id = &task.id;
    let (question, answer) = (literal::of(question), literal::of(answer));
    let _ = write!(
        source,
        "\n# {}\n{asked}[\"{id}\"] = {question}\n{answered}[\"{id}\"] = {answer}\n",
        one_line(&task.title)
    );
}

/// What of a findings task's prompt is the same in every round; as the agent itself finds it.
fn above_listing(prompt: &str) -> &str {
    let mut start = 0;
    for line in prompt.split_inclusive('\n') {
        if line.trim_start_matches(' ').starts_with("1|") {
            return &prompt[..start];
        }
        start += line.len();
    }
    prompt
}

/// A text that stays within its comment, whoever wrote it.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(200).map(plain).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
