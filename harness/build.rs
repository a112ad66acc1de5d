//! Embeds the hostile programs in the library, so that `arena gauntlet` has them on any machine: one entry for
//! each file under `gauntlet/`, in order.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let directory = root.join("gauntlet");
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut table = String::from("[\n");
    for class in entries(&directory).into_iter().filter(|entry| entry.is_dir()) {
        println!("cargo::rerun-if-changed={}", class.display());
        for file in entries(&class).into_iter().filter(|file| file.extension().is_some()) {
            let name =
                file.strip_prefix(&directory).expect("it was found there").with_extension("");
            let (name, file) = (name.display(), file.display());
            let _ = writeln!(table, "    (\"{name}\", include_str!(r\"{file}\")),");
        }
    }
    table.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("gauntlet.rs"), table).expect("the build directory is writable");
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(directory).expect("the directory is in the tree");
    let mut paths: Vec<_> =
        listed.map(|entry| entry.expect("the entry is readable").path()).collect();
    paths.sort();
    paths
}
