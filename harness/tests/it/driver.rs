//! The driver's own tests, which are Python: `driver/test_driver.py`, run by the `python3` on `PATH`.

use std::path::Path;
use std::process::Command;

#[test]
fn driver_passes_its_python_tests() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("driver");
    let ran = Command::new("python3")
        .args(["-B", "-m", "unittest", "--verbose", "test_driver"])
        .current_dir(directory)
        .output()
        .expect("these tests need a 'python3' on PATH; install it ('apt-get install python3')");
    let report = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{report}");
    // A runner that finds no tests succeeds as well.
    assert!(report.contains("\nOK") && !report.contains("Ran 0 tests"), "{report}");
}
