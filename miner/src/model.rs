//! Where answers come from: a language model behind HTTP, a recording, or the built-in samples.

pub mod provider;
pub mod replay;
pub mod sample;
pub mod source;
pub mod spec;
