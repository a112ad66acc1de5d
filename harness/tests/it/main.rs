//! The library against the real Docker daemon, and against a container engine in memory.

mod dispatch;
mod driver;
mod engine;
mod fairness;
mod gate;
mod gateway;
mod gauntlet;
mod hard_coded;
mod image;
mod machine;
mod verdicts;
