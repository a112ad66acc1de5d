//! What the tests of the binary and of the sandbox have in common.

#![allow(dead_code, reason = "each test target uses a part of this")]

use std::path::Path;
use std::process::{Command, Output};

use platform::store::Store;

/// An agent that answers `reverse_string` correctly and nothing else.
pub const REVERSER: &str = "import sys\nif 'reverse_string' in sys.argv[-1]:\n    print('def reverse_string(s): return s[::-1]')\n";

/// Runs the harness with these arguments to its end, without a terminal.
pub fn harness(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the harness starts")
}

/// The harness with these arguments, and nothing of this environment that could change what it does.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).env_remove("BITSEC_STORE").env("NO_COLOR", "1");
    command
}

/// A store with these agents.
pub fn store(folder: &Path, agents: &[(&str, &str)]) -> Store {
    let store = Store::open(folder).expect("a fresh folder can be a store");
    for (name, source) in agents {
        let miner_id = name.parse().expect("the test names its agents properly");
        store.put_agent(&miner_id, source.as_bytes(), None).expect("the agent is stored");
    }
    store
}

/// What the harness printed on stdout, as JSON.
pub fn json(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("no JSON: {error}\n{text}\n{}", String::from_utf8_lossy(&output.stderr))
    })
}

/// How many containers there are that a process of this number made.
pub async fn containers_of(process: u32) -> usize {
    use bollard::query_parameters::ListContainersOptionsBuilder;
    let docker = harness::sandbox::connect().await.expect("there is a daemon");
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let containers = docker.list_containers(Some(options)).await.expect("containers can be listed");
    let ours = containers.iter().filter(|container| {
        let owner = container.labels.as_ref().and_then(|labels| labels.get("arena.owner"));
        owner.is_some_and(|owner| owner.contains(&format!("/{process}/")))
    });
    ours.count()
}
