//! `arena tasks`: lists the tasks, or shows one: its prompt, examples, limits and scoring rule.

use clap::Args;
use harness::benchmark::tasks::{TaskFilter, built_in};
use tasks::{Kind, Task, TaskView};

use crate::args::{OutputArgs, TaskArgs};
use crate::console::{print, print_json};
use crate::exit::Result;
use crate::output::sheet::Sheet;
use crate::output::text::counted;

/// Arguments of `tasks`.
#[derive(Args)]
pub struct TasksArgs {
    /// Show this task
    #[arg(value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    tasks: TaskArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints every task as a table, one task as text, or their public JSON.
pub fn run(args: &TasksArgs) -> Result {
    if let Some(id) = &args.id {
        let patterns = vec![id.clone()];
        let tasks = built_in(&TaskFilter { patterns, families: Vec::new() })?;
        let view = tasks[0].view();
        return if args.output.json { print_json(&view) } else { print(&shown(&view)) };
    }
    let tasks = built_in(&args.tasks.filter())?;
    if args.output.json {
        return print_json(&tasks.iter().map(Task::view).collect::<Vec<_>>());
    }
    let mut table =
        Sheet::new(["task", "family", "kind", "#weight", "#cases", "#CPU per call", "title"]);
    for task in &tasks {
        let kind = match &task.kind {
            Kind::Code { .. } => "code",
            Kind::Findings => "findings",
        };
        table.push([
            task.id.to_string(),
            task.family.to_string(),
            kind.to_owned(),
            task.weight.to_string(),
            task.case_count().to_string(),
            format!("{} ms", task.limits.call_cpu_ms),
            task.title.clone(),
        ]);
    }
    print(&format!("{}{}\n", table.text(), counted(tasks.len(), "task")))
}

/// A task as text.
fn shown(view: &TaskView) -> String {
    let TaskView { id, title, family, weight, prompt, examples, cases, scoring, limits, .. } = view;
    let mut text = format!(
        "{title} ({id})\nfamily {family}, weight {weight}, {cases} cases\n{scoring}\n\
         agent: {} s; each call: {} ms of CPU; memory: {} MiB\n\n{}\n",
        limits.agent_wall_ms / 1000,
        limits.call_cpu_ms,
        limits.memory_bytes >> 20,
        prompt.trim_end()
    );
    if !examples.is_empty() {
        text.push_str("\nexamples:\n");
    }
    for example in examples {
        text.push_str(&format!("  {} -> {}\n", example.call, example.expected));
    }
    text
}
