//! Rules for the catalogue's files that no other tool checks: `cargo fmt` does not find modules that a macro
//! declares.

use std::path::{Path, PathBuf};
use std::process::Command;

fn task_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalogue");
    let entries = |directory: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).expect("the directory exists");
        entries.map(|entry| entry.expect("entries are readable").path()).collect()
    };
    let families: Vec<_> = entries(&directory).into_iter().filter(|path| path.is_dir()).collect();
    families.iter().flat_map(|family| entries(family)).collect()
}

#[test]
fn task_files_are_formatted() {
    let run =
        Command::new("rustfmt").args(["--edition", "2024", "--check"]).args(task_files()).output();
    let run = run.expect("this test needs rustfmt; install it with: rustup component add rustfmt");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[test]
fn every_task_file_is_listed() {
    for path in task_files() {
        let list =
            path.parent().expect("a task file is in a family's directory").with_extension("rs");
        let list = std::fs::read_to_string(list).expect("every family has a list");
        let name = path.file_stem().expect("entries have names").to_string_lossy();
        let listed =
            list.contains(&format!("    {name},\n")) || list.contains(&format!("mod {name};"));
        assert!(listed, "{} is not listed", path.display());
    }
}
