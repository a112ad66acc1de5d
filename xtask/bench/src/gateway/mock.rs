//! A model that answers at once, and fails on every so many-th request if it is to.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::http_request::read_body;

/// Events of a streamed response. All of them have to fit into the most that a response may have, 16 MiB.
pub const EVENTS: usize = 50_000;

/// A model on a free port. It ends with the program.
pub struct MockModel {
    /// Where it listens
    pub address: SocketAddr,
    requests: Arc<MockRequests>,
}

/// The requests so far.
struct MockRequests {
    /// Which requests fail: every so many-th
    fails_every: Option<u64>,
    all: AtomicU64,
    failed: AtomicU64,
}

/// How a request fails. The ways take turns.
#[derive(Clone, Copy)]
enum MockFailure {
    Status500,
    HangsUp,
    Busy,
}

impl MockModel {
    /// Starts a model that fails on every so many-th request, if on any.
    pub fn start(fails_every: Option<u64>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let requests = Arc::new(MockRequests {
            fails_every,
            all: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let shared = Arc::clone(&requests);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let requests = Arc::clone(&shared);
                // A client that closes its connection ends the thread.
                std::thread::spawn(move || serve(connection, &requests));
            }
        });
        Ok(Self { address, requests })
    }

    /// On how many requests it has failed.
    pub fn failures(&self) -> u64 {
        self.requests.failed.load(Ordering::Relaxed)
    }

    /// How many requests it has got.
    pub fn requests(&self) -> u64 {
        self.requests.all.load(Ordering::Relaxed)
    }
}

impl MockRequests {
    /// Counts a request, and returns how it fails, if it does.
    fn next(&self) -> Option<MockFailure> {
        let number = self.all.fetch_add(1, Ordering::Relaxed) + 1;
        self.fails_every.filter(|every| number.is_multiple_of(*every))?;
        Some(match self.failed.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => MockFailure::Status500,
            1 => MockFailure::HangsUp,
            _ => MockFailure::Busy,
        })
    }
}

fn serve(connection: TcpStream, requests: &MockRequests) -> anyhow::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = BufReader::new(connection);
    let answer = json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5}
    })
    .to_string();
    while let Some(body) = read_body(&mut request)? {
        let (status, body) = match requests.next() {
            None if serde_json::from_slice::<Value>(&body)?["stream"] == true => {
                // The end of the connection is the end of the response.
                return Ok(request.get_mut().write_all(streamed().as_bytes())?);
            }
            None => ("200 OK", &*answer),
            Some(MockFailure::Status500) => ("500 Failed", "{}"),
            Some(MockFailure::HangsUp) => return Ok(()),
            Some(MockFailure::Busy) => ("429 Busy\r\nRetry-After: 0", "{}"),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        request.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
    }
    Ok(())
}

/// A whole response in events.
fn streamed() -> String {
    let event = |choices: Value, usage: Value| {
        let event = json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": choices, "usage": usage});
        format!("data: {event}\n\n")
    };
    let word = json!([{"index": 0, "delta": {"content": "word "}, "finish_reason": null}]);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let words = event(word, Value::Null).repeat(EVENTS);
    let usage = event(json!([]), json!({"prompt_tokens": 10, "completion_tokens": 5}));
    format!("{head}{words}{usage}data: [DONE]\n\n")
}
