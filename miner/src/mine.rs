//! Mining: asks for answers, tries them, keeps the best, and builds an agent of them.

pub mod answers;
mod conversation;
pub mod error;
pub mod event;
pub mod job;
pub mod mining_loop;
pub mod plan;
pub mod prompt;
pub mod transcript;
pub mod tryout;
