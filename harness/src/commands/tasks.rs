//! `harness tasks`: lists the tasks.

use comfy_table::{Table, presets};

use super::{Failure, print, print_json};

/// Prints every task, as a table or as the public JSON.
pub fn run(json: bool) -> Result<(), Failure> {
    let tasks = ::tasks::all();
    if json {
        return print_json(&tasks.iter().map(::tasks::Task::view).collect::<Vec<_>>());
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["task", "family", "kind", "weight", "cases", "CPU per call", "title"]);
    for task in &tasks {
        let kind = match &task.kind {
            ::tasks::Kind::Code { .. } => "code",
            ::tasks::Kind::Findings => "findings",
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
