//! `arena tasks`: lists the tasks.

use clap::Args;
use comfy_table::{Table, presets};
use tasks::{Kind, Task};

use crate::args::OutputArgs;
use crate::console::{print, print_json};
use crate::exit::Result;

/// Arguments of `tasks`.
#[derive(Args)]
pub struct TasksArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints every task, as a table or as its public JSON.
pub fn run(args: &TasksArgs) -> Result {
    let tasks = tasks::all();
    if args.output.json {
        return print_json(&tasks.iter().map(Task::view).collect::<Vec<_>>());
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["task", "family", "kind", "weight", "cases", "CPU per call", "title"]);
    for task in &tasks {
        let kind = match &task.kind {
            Kind::Code { .. } => "code",
            Kind::Findings => "findings",
        };
        table.add_row([
            task.id.to_string(),
            task.family.to_string(),
            kind.to_owned(),
            task.weight.to_string(),
            task.case_count().to_string(),
            format!("{} ms", task.limits.call_cpu_ms),
            task.title.clone(),
        ]);
    }
    print(&format!("{table}\n{} tasks\n", tasks.len()))
}
