use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::*;

/// A relay whose connections `serve` serves, and the frames that it sends to the driver.
fn relay(
    serve: impl Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync + 'static,
) -> (Relay, mpsc::UnboundedReceiver<Bytes>) {
    let (to_driver, frames) = mpsc::unbounded_channel();
    let clock_stopped = watch::channel(false).1;
    (Relay::new(&ModelLine { serve: Arc::new(serve), clock_stopped }, to_driver), frames)
}

fn payload(number: u32, kind: u8, data: &[u8]) -> BytesMut {
    let mut payload = BytesMut::from(&number.to_be_bytes()[..]);
    payload.extend([kind]);
    payload.extend(data);
    payload
}

/// The next frame to the driver: the number of its connection, its kind and its data.
async fn next(frames: &mut mpsc::UnboundedReceiver<Bytes>) -> (u32, u8, Bytes) {
    let mut frame = timeout(Duration::from_secs(10), frames.recv()).await.unwrap().unwrap();
    assert_eq!(frame.get_u32() as usize, frame.len());
    assert_eq!(frame.get_u32(), RELAY_TAG);
    (frame.get_u32(), frame.get_u8(), frame)
}

/// Sends back what it receives, in capitals, and ends with the line "bye".
fn shout(mut stream: DuplexStream) -> BoxFuture<'static, ()> {
    async move {
        let mut buffer = vec![0; 100];
        while let Ok(size @ 1..) = stream.read(&mut buffer).await {
            let text = buffer[..size].to_ascii_uppercase();
            stream.write_all(&text).await.unwrap();
            if text == b"BYE" {
                return;
            }
        }
    }
    .boxed()
}

#[tokio::test]
async fn carries_bytes_both_ways_and_closes() {
    let (mut relay, mut frames) = relay(shout);
    for number in [0, 7] {
        relay.take(payload(number, OPENED, b"")).unwrap();
        relay.take(payload(number, DATA, b"hello")).unwrap();
        let mut got = [next(&mut frames).await, next(&mut frames).await];
        got.sort_by_key(|frame| frame.1);
        assert_eq!(got[0], (number, DATA, Bytes::from_static(b"HELLO")));
        assert_eq!(got[1], (number, WINDOW, Bytes::from_static(&[0, 0, 0, 5])));
    }
    relay.take(payload(7, DATA, b"bye")).unwrap();
    let mut kinds = Vec::new();
    while !kinds.contains(&CLOSED) {
        let (number, kind, _) = next(&mut frames).await;
        assert_eq!(number, 7);
        kinds.push(kind);
    }
    assert!(kinds.contains(&DATA), "{kinds:?}");
    // The driver may not know of it yet.
    relay.take(payload(7, DATA, b"late")).unwrap();
    relay.take(payload(7, CLOSED, b"")).unwrap();
    relay.take(payload(0, DATA, b"bye")).unwrap();
    assert_eq!(next(&mut frames).await.0, 0);
}

#[tokio::test]
async fn sends_no_more_than_the_driver_takes() {
    let (mut relay, mut frames) = relay(|mut stream| {
        async move {
            let _ = stream.write_all(&vec![b'x'; 3 * WINDOW_BYTES]).await;
        }
        .boxed()
    });
    relay.take(payload(0, OPENED, b"")).unwrap();
    let mut received = 0;
    while received < WINDOW_BYTES {
        received += next(&mut frames).await.2.len();
    }
    assert_eq!(received, WINDOW_BYTES);
    tokio::task::yield_now().await;
    assert!(frames.try_recv().is_err(), "more than the window was sent");
    while received < 3 * WINDOW_BYTES {
        let taken = u32::try_from(FRAME_BYTES).unwrap();
        relay.take(payload(0, WINDOW, &taken.to_be_bytes())).unwrap();
        received += next(&mut frames).await.2.len();
    }
    while next(&mut frames).await.1 != CLOSED {}
}

#[tokio::test]
async fn ends_what_serves_a_connection_that_the_agent_closed() {
    let (dropped, mut is_dropped) = mpsc::channel::<()>(1);
    let (mut relay, _frames) = relay(move |stream| {
        let held = (dropped.clone(), stream);
        async move {
            std::future::pending::<()>().await;
            drop(held);
        }
        .boxed()
    });
    relay.take(payload(0, OPENED, b"")).unwrap();
    relay.take(payload(1, OPENED, b"")).unwrap();
    relay.take(payload(0, CLOSED, b"")).unwrap();
    drop(relay);
    let ended = timeout(Duration::from_secs(10), is_dropped.recv()).await;
    assert_eq!(ended.unwrap(), None, "a connection is still served");
}

#[tokio::test]
async fn rejects_frames_that_break_the_protocol() {
    let (mut relay, _frames) = relay(|_| std::future::pending().boxed());
    relay.take(payload(0, OPENED, b"")).unwrap();
    for (wrong, part) in [
        (payload(0, OPENED, b""), "twice"),
        (payload(0, 9, b""), "unknown"),
        (payload(0, WINDOW, b"\0\0\0\x01"), "took more"),
        (payload(0, WINDOW, b"\0"), "length"),
        (payload(0, DATA, &vec![0; WINDOW_BYTES + 1]), "sent more"),
        (BytesMut::from(&b"\0\0\0\0"[..]), "length"),
    ] {
        let error = relay.take(wrong).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn passes_on_that_the_clock_stands_still() {
    let (clock, clock_stopped) = watch::channel(false);
    let (to_driver, mut frames) = mpsc::unbounded_channel();
    let line = ModelLine { serve: Arc::new(shout), clock_stopped };
    let mut relay = Relay::new(&line, to_driver);
    clock.send_replace(true);
    assert_eq!(relay.clock_changed().await, Duration::ZERO);
    assert!(!relay.waited().is_zero());
    assert_eq!(next(&mut frames).await.1, CLOCK_STOPPED);
    clock.send_replace(false);
    assert!(!relay.clock_changed().await.is_zero());
    assert!(relay.waited().is_zero());
    assert_eq!(next(&mut frames).await.1, CLOCK_RUNS);
    // Nothing changes if it is stopped and runs again at once.
    clock.send_replace(true);
    clock.send_replace(false);
    assert_eq!(relay.clock_changed().now_or_never(), None);
}
