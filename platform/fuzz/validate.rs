//! No bytes make the check of a submission, or the digest of its program, panic, hang, or refuse without a position and a reason.

#![no_main]

use libfuzzer_sys::fuzz_target;
use platform::similarity::program_sha256;
use platform::validation::validate;

fuzz_target!(|source: &[u8]| {
    program_sha256(source).expect("there is a thread for the parser");
    if let Err(violations) = validate(source) {
        assert!(!violations.is_empty());
        for violation in violations {
            assert!(violation.line >= 1 && violation.column >= 1 && !violation.reason.is_empty());
            assert!(!violation.reason.contains("the parser failed"), "the parser panicked");
        }
    }
});
