//! The project's own commands: demo, test, bench, new-task. The binary only parses the command line.

pub mod bench;
pub mod children;
pub mod demo;
pub mod error;
pub mod forward;
pub mod new_task;
pub mod setup;
pub mod test;
