//! Rounds over a real NATS server, with containers in memory.
//!
//! Every test starts servers of its own. Workers are tasks of the test, or processes where they are to be killed: then
//! this program runs again as a worker.

mod audit;
mod dispatch;
mod faults;
mod rounds;
mod server;
mod trust;
mod world;

#[path = "../../../harness/tests/it/dispatch/conformance.rs"]
mod conformance;
#[allow(dead_code, reason = "the tests of the harness use the rest")]
#[path = "../../../harness/tests/it/engine/fake.rs"]
mod fake;
#[allow(dead_code, reason = "the tests of the harness use the rest")]
#[path = "../../../harness/tests/it/engine/peer.rs"]
mod peer;

use libtest_mimic::{Arguments, Trial};

fn main() {
    if world::is_worker_process() {
        return world::work_as_process();
    }
    let arguments = Arguments::from_args();
    let tests: Vec<Trial> =
        [audit::tests(), dispatch::tests(), faults::tests(), rounds::tests(), trust::tests()]
            .into_iter()
            .flatten()
            .map(|(name, test)| {
                Trial::test(name, move || {
                    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                    runtime.expect("a runtime starts").block_on(test());
                    Ok(())
                })
            })
            .collect();
    libtest_mimic::run(&arguments, tests).exit();
}
