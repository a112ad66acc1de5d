//! The miner's side: has a model write an agent, tries it as a validator would, and uploads it.
//!
//! The modules are listed in the order in which data flows. A [`model`] replies to a prompt, [`extract`] finds the
//! code in the reply, [`assembly`] builds one file of all answers, [`mine`] is the loop around them, and [`submit`]
//! uploads the result. Nothing here writes to a terminal: what happens is reported as events.

pub mod assembly;
pub mod budget;
pub mod extract;
pub mod mine;
pub mod model;
mod published;
pub mod submit;
pub mod work_directory;

pub use published::published_code;
