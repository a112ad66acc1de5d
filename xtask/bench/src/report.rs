//! The rows measured so far. Measuring takes long, so each row is shown and saved as soon as it is there.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::row::{BenchRow, table};

/// Collects rows.
pub struct BenchReport {
    rows: Vec<BenchRow>,
    output: Option<PathBuf>,
}

impl BenchReport {
    /// An empty report that is also written to `output`.
    pub fn new(output: Option<PathBuf>) -> Self {
        Self { rows: Vec::new(), output }
    }

    /// Shows and saves a row.
    pub fn add(&mut self, row: BenchRow) -> anyhow::Result<()> {
        progress(&row.summary());
        self.rows.push(row);
        let Some(path) = &self.output else { return Ok(()) };
        std::fs::write(path, serde_json::to_string_pretty(&self.rows)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Prints all rows on stdout.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(&self.rows)?);
        } else {
            print!("{}", table(&self.rows));
        }
        Ok(())
    }
}

/// Shows a progress line on stderr.
pub fn progress(line: &str) {
    eprintln!("bench: {line}");
}
