//! The driver's own tests, which are Python: `driver/test_driver.py`, run by the `python3` on `PATH`.

use std::path::Path;
use std::process::Command;

#[test]
fn the_driver_passes_its_own_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("driver");
    let ran = Command::new("python3")
        .args(["-B", "-m", "unittest", "--verbose", "test_driver"])
        .current_dir(folder)
        .output()
        .expect("these tests need a 'python3' on PATH; install it ('apt-get install python3')");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}");
    // A runner that found no test is content as well.
    assert!(told.contains("\nOK") && !told.contains("Ran 0 tests"), "{told}");
}
