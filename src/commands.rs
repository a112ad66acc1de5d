//! The commands, a file for each word. A command reads: load, open, run, report.

pub mod agents;
pub mod cache;
pub mod check;
pub mod clean;
pub mod completions;
pub mod doctor;
pub mod evaluate;
pub mod export;
pub mod fsck;
pub mod gate;
pub mod gauntlet;
pub mod image;
pub mod init;
pub mod man;
pub mod merge;
pub mod mine;
pub mod rank;
pub mod samples;
pub mod serve;
pub mod show;
pub mod status;
pub mod tasks;
pub mod token;
pub mod upload;
pub mod verify;
