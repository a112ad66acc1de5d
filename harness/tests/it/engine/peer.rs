//! Programs for the containers in memory: one that echoes, and one that speaks as the driver does.
//!
//! The driver's place is taken by a small peer, which has an agent print its own source and an answer return
//! its argument backwards. That is enough for a trial of `reverse_string`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::fake::{End, Program, Streams};

/// Tag of a frame in which the driver itself speaks.
const SAID: u32 = 0xFFFF_FFFF;

/// The same program as [`ECHO`], in memory.
pub fn echo() -> Program {
    Arc::new(|mut streams| {
        async move {
            let (input, _) = tokio::io::duplex(1);
            let mut lines = BufReader::new(std::mem::replace(&mut streams.input, input)).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                match line.split_once(' ').unwrap_or((&line, "")) {
                    ("say", text) => streams.print(format!("{text}\n")).await,
                    ("complain", text) => streams.complain(format!("{text}\n")).await,
                    ("exit", status) => return End::exit(status.parse().unwrap()),
                    ("flood", _) => loop {
                        streams.print(vec![b'x'; 1 << 16]).await;
                        tokio::task::yield_now().await;
                    },
                    (word, _) => panic!("{word}"),
                }
            }
            End::exit(0)
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

/// What a driver does instead of answering an order.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// It ends.
    End(End),
    /// It says nothing more.
    Hang,
    /// It prints this.
    Print(&'static [u8]),
    /// It says that it is ready for work, again.
    BeReadyAgain,
}

/// A driver that acts up at the first `times` orders that any container of its engine gets, and then does
/// what is asked of it.
pub fn driver(act: Option<Act>, times: usize) -> Program {
    let acted = Arc::new(AtomicUsize::new(0));
    Arc::new(move |mut streams| {
        let acted = Arc::clone(&acted);
        async move {
            say(&streams, &ready()).await;
            while let Some(order) = order(&mut streams).await {
                match act {
                    Some(act) if acted.fetch_add(1, Ordering::SeqCst) < times => match act {
                        Act::End(end) => return end,
                        Act::Hang => std::future::pending().await,
                        Act::Print(bytes) => streams.print(bytes).await,
                        Act::BeReadyAgain => say(&streams, &ready()).await,
                    },
                    _ => carry_out(&streams, &order).await,
                }
            }
            End::exit(0)
        }
        .boxed()
    })
}

fn ready() -> Value {
    json!({"ready": {"python": "3.11.2"}})
}

async fn order(streams: &mut Streams) -> Option<Value> {
    let length = streams.input.read_u32().await.ok()?;
    let mut body = vec![0; length as usize];
    streams.input.read_exact(&mut body).await.ok()?;
    Some(serde_json::from_slice(&body).expect("orders are JSON"))
}

async fn carry_out(streams: &Streams, order: &Value) {
    let usage = json!({"wall_ms": 1, "cpu_ms": 1, "peak_memory_bytes": 1 << 20, "starved_ms": 0});
    let with_usage = |mut statement: Value| {
        statement.as_object_mut().unwrap().extend(usage.as_object().unwrap().clone());
        statement
    };
    if let Some(agent) = order.get("agent") {
        let answer = json!({
            "stdout": agent, "stderr": "", "stderr_truncated": false, "exit": 0, "signal": null,
            "stopped_for": null, "out_of_memory": false, "clean": true,
        });
        return say(streams, &json!({"answer": with_usage(answer)})).await;
    }
    for (index, call) in order["calls"].as_array().unwrap().iter().enumerate() {
        let argument = call["args"][0].as_str().expect("the agents in memory reverse strings");
        let reversed: String = argument.chars().rev().collect();
        let index = u32::try_from(index).unwrap();
        streams.print(frame(index, &json!({"returned": reversed}))).await;
    }
    say(streams, &json!({"done": with_usage(json!({"clean": true}))})).await;
}

async fn say(streams: &Streams, statement: &Value) {
    streams.print(frame(SAID, statement)).await;
}

fn frame(tag: u32, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let length = u32::try_from(payload.len() + 4).unwrap();
    [&length.to_be_bytes()[..], &tag.to_be_bytes(), payload.as_bytes()].concat()
}
