//! Results in the forms in which people read and paste them: text, CSV, Markdown and JUnit XML. Nothing here prints.

pub mod conversation;
pub mod format;
pub mod junit;
pub mod rankings;
pub mod reasons;
pub mod sheet;
pub mod similar;
pub mod text;
pub mod trials;
