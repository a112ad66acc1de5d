//! Programs for the containers in memory: one that echoes, and one that follows the driver's protocol.
//!
//! The driver is replaced by a small peer, in which an agent prints its own source and an answer returns
//! its argument reversed. That is enough for a trial of `reverse_string`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::fake::{ContainerProgram, ContainerStreams, ProcessExit};

/// Tag of a frame that holds a message of the driver.
const DRIVER_TAG: u32 = 0xFFFF_FFFF;

/// The same program as [`ECHO`], in memory.
pub fn echo() -> ContainerProgram {
    Arc::new(|mut streams| {
        async move {
            let (input, _) = tokio::io::duplex(1);
            let mut lines = BufReader::new(std::mem::replace(&mut streams.input, input)).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                match line.split_once(' ').unwrap_or((&line, "")) {
                    ("say", text) => streams.print(format!("{text}\n")).await,
                    ("complain", text) => streams.complain(format!("{text}\n")).await,
                    ("exit", status) => return ProcessExit::exit(status.parse().unwrap()),
                    ("flood", _) => loop {
                        streams.print(vec![b'x'; 1 << 16]).await;
                        tokio::task::yield_now().await;
                    },
                    (word, _) => panic!("{word}"),
                }
            }
            ProcessExit::exit(0)
        }
        .boxed()
    })
}

/// The same program as [`echo`], in Python.
pub const ECHO: &str = r"
import sys
for line in sys.stdin:
    word, _, text = line.rstrip('\n').partition(' ')
    if word == 'say':
        print(text, flush=True)
    elif word == 'complain':
        print(text, file=sys.stderr, flush=True)
    elif word == 'exit':
        sys.exit(int(text))
    elif word == 'flood':
        while True:
            sys.stdout.write('x' * 65536)
";

/// What a driver does instead of carrying out a command.
#[derive(Clone, Copy, Debug)]
pub enum DriverAct {
    /// It ends.
    End(ProcessExit),
    /// It sends nothing more.
    Hang,
    /// It prints this.
    Print(&'static [u8]),
    /// It reports again that it is ready.
    BeReadyAgain,
}

/// A driver that does `act` for the first `times` commands of all containers of its engine, and then carries
/// commands out.
pub fn driver(act: Option<DriverAct>, times: usize) -> ContainerProgram {
    driver_with(act, times, CallMachine::Right)
}

/// What calls of answers return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallMachine {
    /// The argument reversed.
    Right,
    /// The argument: verdicts are wrong.
    #[allow(dead_code, reason = "the tests of the crate `cluster` have a worker that lies")]
    Wrong,
}

/// The same as [`driver`], on a machine whose calls return this.
pub fn driver_with(act: Option<DriverAct>, times: usize, machine: CallMachine) -> ContainerProgram {
    let acted = Arc::new(AtomicUsize::new(0));
    Arc::new(move |mut streams| {
        let acted = Arc::clone(&acted);
        async move {
            send(&streams, &ready()).await;
            while let Some(command) = next_frame(&mut streams).await {
                match act {
                    Some(act) if acted.fetch_add(1, Ordering::SeqCst) < times => match act {
                        DriverAct::End(end) => return end,
                        DriverAct::Hang => std::future::pending().await,
                        DriverAct::Print(bytes) => streams.print(bytes).await,
                        DriverAct::BeReadyAgain => send(&streams, &ready()).await,
                    },
                    _ => carry_out(&mut streams, &command, machine).await,
                }
            }
            ProcessExit::exit(0)
        }
        .boxed()
    })
}

fn ready() -> Value {
    json!({"ready": {"python": "3.11.2"}})
}

async fn next_frame(streams: &mut ContainerStreams) -> Option<Value> {
    let length = streams.input.read_u32().await.ok()?;
    let _tag = streams.input.read_u32().await.ok()?;
    let mut body = vec![0; length as usize - 4];
    streams.input.read_exact(&mut body).await.ok()?;
    Some(serde_json::from_slice(&body).expect("commands and inputs are JSON"))
}

async fn carry_out(streams: &mut ContainerStreams, command: &Value, machine: CallMachine) {
    let usage = json!({"wall_ms": 1, "cpu_ms": 1, "peak_memory_bytes": 1 << 20, "starved_ms": 0});
    let with_usage = |mut message: Value| {
        message.as_object_mut().unwrap().extend(usage.as_object().unwrap().clone());
        message
    };
    if let Some(agent) = command.get("agent").and_then(Value::as_str) {
        let (stdout, wait) = agent_run(agent);
        tokio::time::sleep(wait).await;
        let answer = json!({
            "stdout": stdout, "stderr": "", "stderr_truncated": false, "exit": 0, "signal": null,
            "stopped_for": null, "out_of_memory": false, "clean": true,
        });
        return send(streams, &json!({"answer": with_usage(answer)})).await;
    }
    // Inputs are left over if the driver did something else instead of making the calls.
    let Some(batches) = command["batches"].as_array() else { return };
    let mut index = 0;
    for _ in batches {
        let Some(inputs) = next_frame(streams).await else { return };
        for call in inputs.as_array().unwrap() {
            let argument = call["args"][0].as_str().expect("the agents in memory reverse strings");
            let returned: String = match machine {
                CallMachine::Right => argument.chars().rev().collect(),
                CallMachine::Wrong => argument.to_owned(),
            };
            streams.print(frame(index, &json!({"returned": returned}))).await;
            index += 1;
        }
    }
    send(streams, &json!({"done": with_usage(json!({"clean": true, "slowest_call_ms": 1}))})).await;
}

/// What an agent prints and how long it takes: its source at once, unless a comment `# takes N ms` or `# prints N bytes`
/// asks for more. The bytes are such that JSON needs six for each.
fn agent_run(source: &str) -> (String, Duration) {
    let asked = |before: &str| {
        let (_, rest) = source.split_once(before)?;
        rest.split(' ').next()?.parse::<usize>().ok()
    };
    let more = "\u{1}".repeat(asked("# prints ").unwrap_or_default());
    let wait = Duration::from_millis(asked("# takes ").unwrap_or_default() as u64);
    (format!("{source}{more}"), wait)
}

async fn send(streams: &ContainerStreams, message: &Value) {
    streams.print(frame(DRIVER_TAG, message)).await;
}

fn frame(tag: u32, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let length = u32::try_from(payload.len() + 4).unwrap();
    [&length.to_be_bytes()[..], &tag.to_be_bytes(), payload.as_bytes()].concat()
}
