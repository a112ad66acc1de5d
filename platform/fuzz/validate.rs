//! No bytes make the check of a submission panic, hang, or refuse without saying where and why.

#![no_main]

use libfuzzer_sys::fuzz_target;
use platform::validation::validate;

fuzz_target!(|source: &[u8]| {
    if let Err(findings) = validate(source) {
        assert!(!findings.is_empty());
        for finding in findings {
            assert!(finding.line >= 1 && finding.column >= 1 && !finding.reason.is_empty());
            assert!(!finding.reason.contains("gave up"), "the parser panicked");
        }
    }
});
