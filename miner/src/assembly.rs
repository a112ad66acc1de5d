//! Assembles answers into one `agent.py`.
//!
//! The agent is a table from prompts to answers. It answers without delay, the same answers always make the same
//! agent, and a reader can see what it will print. Only a findings task, which shows another file in every round, has
//! a program in the table.

use std::fmt::Write as _;

use platform::api::{MAX_SOURCE_BYTES, Violation};
use platform::validation;
use tasks::{Kind, TaskView};

mod literal;

/// The part of the agent that is the same in every agent.
const ANSWERING: &str = include_str!("assembly/answering.py");

/// An answer to one task.
#[derive(Clone, Debug)]
pub struct AgentPart {
    /// The task.
    pub task: TaskView,
    /// Python source: the agent's output, or for a findings task a program with a function `answer(prompt)` that
    /// returns the agent's output.
    pub answer: String,
    /// The result of trying it, for the header.
    pub note: String,
}

/// The header of an agent: how it was made.
#[derive(Clone, Debug, Default)]
pub struct AgentHeader {
    /// The name of the model or other source.
    pub model: String,
    /// An optional date. It is never read from a clock, so that the same answers make the same agent.
    pub date: Option<String>,
}

/// The parts do not make an agent.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// No part was given.
    #[error("cannot assemble an agent: no task has an answer")]
    Empty,
    /// It exceeds the size limit of the platform.
    #[error(
        "the agent has {bytes} bytes, but at most {MAX_SOURCE_BYTES} are allowed: select fewer tasks with --task"
    )]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// The platform would reject it.
    #[error("the platform would reject the agent: {0}")]
    Rejected(Violation),
}

/// Assembles an agent of the parts, in their order. The result passes the platform's validation.
pub fn assemble(parts: &[AgentPart], agent_header: &AgentHeader) -> Result<String, AssemblyError> {
    if parts.is_empty() {
        return Err(AssemblyError::Empty);
    }
    let mut source = header(parts, agent_header);
    for part in parts {
        table_entry(&mut source, part);
    }
    source.push_str(ANSWERING);
    if source.len() > MAX_SOURCE_BYTES {
        return Err(AssemblyError::TooLarge { bytes: source.len() });
    }
    let rejected = |mut findings: Vec<Violation>| AssemblyError::Rejected(findings.swap_remove(0));
    validation::validate(source.as_bytes()).map_err(rejected)?;
    Ok(source)
}

fn header(parts: &[AgentPart], agent_header: &AgentHeader) -> String {
    let mut text = format!(
        "# An agent for the arena, assembled by its miner.\n#\n# Answers by: {}\n",
        one_line(&agent_header.model)
    );
    if let Some(date) = &agent_header.date {
        let _ = writeln!(text, "# Date: {}", one_line(date));
    }
    let _ = writeln!(text, "# Tasks: {}", parts.len());
    for AgentPart { task, note, .. } in parts {
        let _ = writeln!(text, "#   {}: {}", task.id, one_line(note));
    }
    text.push_str(
        "\nimport re\nimport signal\nimport sys\n\n\
         # Prompts and the answers to them.\nPROMPTS = {}\nANSWERS = {}\n\
         # For tasks that show another file in every round: the text above the file, and a program that reads\n\
         # the file.\nOPENINGS = {}\nPROGRAMS = {}\n",
    );
    text
}

fn table_entry(source: &mut String, AgentPart { task, answer, .. }: &AgentPart) {
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

/// The part of a findings task's prompt that is the same in every round. The agent finds it by the same rule.
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

/// A text that cannot leave the comment it is written into.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(200).map(plain).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
