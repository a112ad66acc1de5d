//! House rules of the suites that no other tool sees to: `cargo fmt` does not find files whose modules
//! a macro declares.

use std::path::{Path, PathBuf};
use std::process::Command;

fn suites() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/suites");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        entries.map(|entry| entry.expect("it can be read").path()).collect()
    };
    let families: Vec<_> = entries(&folder).into_iter().filter(|path| path.is_dir()).collect();
    families.iter().flat_map(|family| entries(family)).collect()
}

#[test]
fn suites_are_formatted() {
    let run =
        Command::new("rustfmt").args(["--edition", "2024", "--check"]).args(suites()).output();
    let run = run.expect("this test needs rustfmt: rustup component add rustfmt");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[test]
fn every_suite_file_is_on_its_familys_list() {
    for path in suites() {
        let list = path.parent().expect("it is in a folder").with_extension("rs");
        let list = std::fs::read_to_string(list).expect("a family has a list");
        let name = path.file_stem().expect("it has a name").to_string_lossy();
        let listed =
            list.contains(&format!("    {name},\n")) || list.contains(&format!("mod {name};"));
        assert!(listed, "{} is on no list", path.display());
    }
}
