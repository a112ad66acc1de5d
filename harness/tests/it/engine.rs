//! What the sandbox relies on in a container engine, and what becomes of a round when it is not so.
//!
//! `conformance` holds Docker and the engine in memory to the same checks. `faults` then lets the one in memory
//! fail, request by request, and looks at what comes of it: attempts, faults, verdicts and leftovers.

mod conformance;
mod fake;
mod faults;
mod peer;
