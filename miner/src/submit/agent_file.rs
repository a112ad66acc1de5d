//! Local agent files: reads one that is to be checked or uploaded, and writes one to start from.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use platform::api::Violation;
use platform::validation;

/// The source of a commented agent to start from.
pub const STARTER_AGENT: &str = include_str!("starter.py");
/// An agent to start from that asks a model while it runs.
pub const MODEL_STARTER_AGENT: &str = include_str!("model_starter.py");

/// A local agent file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AgentFileError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}; name an agent file", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The platform would reject it.
    #[error("the platform would reject {}:{}", .path.display(), listed(.path, .findings))]
    Rejected {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        findings: Vec<Violation>,
    },
    /// It exists and is not overwritten.
    #[error("{} is there already; name another file", .0.display())]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("cannot write {}: {cause}; name another file", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

fn listed(path: &Path, findings: &[Violation]) -> String {
    let shown = path.display();
    let line = |f: &Violation| format!("\n  {shown}:{}:{}: {}", f.line, f.column, f.reason);
    findings.iter().map(line).collect()
}

/// Reads an agent and validates it as the platform does.
pub fn read_agent(path: &Path) -> Result<String, AgentFileError> {
    let bytes = std::fs::read(path)
        .map_err(|cause| AgentFileError::Unreadable { path: path.to_owned(), cause })?;
    if let Err(findings) = validation::validate(&bytes) {
        return Err(AgentFileError::Rejected { path: path.to_owned(), findings });
    }
    Ok(String::from_utf8(bytes).expect("validation accepts UTF-8 only"))
}

/// Writes an agent to start from to a new file. An existing file is not overwritten.
pub fn write_starter(path: &Path, agent: &str) -> Result<(), AgentFileError> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(agent.as_bytes()));
    written.map_err(|cause| match cause.kind() {
        ErrorKind::AlreadyExists => AgentFileError::Exists(path.to_owned()),
        _ => AgentFileError::Unwritable { path: path.to_owned(), cause },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starter_is_written_once_and_is_valid() {
        let directory = tempfile::tempdir().unwrap();
        for (name, agent) in [("agent.py", STARTER_AGENT), ("asks.py", MODEL_STARTER_AGENT)] {
            let path = directory.path().join(name);
            write_starter(&path, agent).unwrap();
            assert_eq!(read_agent(&path).unwrap(), agent);
        }
        let error = write_starter(&directory.path().join("agent.py"), STARTER_AGENT);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("is there already"), "{error}");
    }

    #[test]
    fn names_the_position_of_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bad.py");
        std::fs::write(&path, "def f(:\n").unwrap();
        let error = read_agent(&path).unwrap_err().to_string();
        assert!(error.contains("bad.py:1:"), "{error}");
        let error = read_agent(&directory.path().join("none.py")).unwrap_err().to_string();
        assert!(error.contains("none.py"), "{error}");
    }
}
