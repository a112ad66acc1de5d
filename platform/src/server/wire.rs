//! What hyper cannot parse it answers itself, with a bare status and nothing else. On its way out such an
//! answer is exchanged for one as all others are: a problem document, with the headers that every answer
//! has.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::HttpLimits;
use super::dress::{self, REQUEST_ID};
use super::problem::Refusal;

/// A connection on which nothing bare goes out.
pub(super) struct Wire<S> {
    stream: S,
    limits: HttpLimits,
    /// What is sent instead of what hyper wants to send, as far as it is not sent yet.
    instead: Option<Vec<u8>>,
    /// Whether what comes next is the rest of what was sent before. A miner may have written that, and made it
    /// look like an answer.
    is_rest: bool,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, limits: HttpLimits) -> Self {
        Self { stream, limits, instead: None, is_rest: false }
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// Sends what stands in for `bare`, if that is a bare answer. hyper asks again with the same bytes until
    /// all of it is sent.
    fn exchanged(&mut self, cx: &mut Context<'_>, bare: &[u8]) -> Poll<io::Result<Option<usize>>> {
        if self.is_rest {
            return Poll::Ready(Ok(None));
        }
        if self.instead.is_none() {
            let Some(status) = bare_status(bare) else { return Poll::Ready(Ok(None)) };
            self.instead = Some(answer(status, &self.limits));
        }
        while let Some(rest) = self.instead.as_mut().filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.drain(..sent);
        }
        self.instead = None;
        Poll::Ready(Ok(Some(bare.len())))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(length) = ready!(self.exchanged(cx, buf))? {
            return Poll::Ready(Ok(length));
        }
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.is_rest = sent < buf.len();
        Poll::Ready(Ok(sent))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A bare answer is all there is to send, in one piece.
        if let [only] = bufs
            && let Some(length) = ready!(self.exchanged(cx, only))?
        {
            return Poll::Ready(Ok(length));
        }
        let sent = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.is_rest = sent < bufs.iter().map(|buf| buf.len()).sum();
        Poll::Ready(Ok(sent))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The status, if these bytes are a whole answer that no handler of ours has made: those all have an id.
fn bare_status(bytes: &[u8]) -> Option<StatusCode> {
    let head = std::str::from_utf8(bytes.strip_suffix(b"\r\n\r\n")?).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?;
    if !status.starts_with('4') || lines.any(|line| line.starts_with(REQUEST_ID.as_str())) {
        return None;
    }
    status.parse().ok()
}

/// The answer as it goes over the wire. The connection ends with it.
fn answer(status: StatusCode, limits: &HttpLimits) -> Vec<u8> {
    let detail = match status {
        StatusCode::URI_TOO_LONG => "the address is too long: shorten it".to_owned(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => format!(
            "the header has more than {} lines or {} bytes: send less",
            limits.headers, limits.header_bytes
        ),
        _ => "this is no HTTP/1.1 request: check its first line and its header lines".to_owned(),
    };
    let (mut parts, body) = Refusal::new(status, detail).into_parts();
    dress::put_on(&mut parts.headers, &dress::new_id());
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let length = body.len();
    bytes.extend_from_slice(
        format!("content-length: {length}\r\nconnection: close\r\n\r\n").as_bytes(),
    );
    bytes.extend_from_slice(&body);
    bytes
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What arrives at the other end of a line that takes `at_once` bytes.
    async fn through(bytes: &[u8], at_once: usize) -> String {
        let (here, mut there) = tokio::io::duplex(at_once);
        let mut wire = Wire::new(here, HttpLimits::STANDARD);
        let send = async move { wire.write_all(bytes).await.unwrap() };
        let mut arrived = String::new();
        let ((), read) = tokio::join!(send, there.read_to_string(&mut arrived));
        read.unwrap();
        arrived
    }

    #[tokio::test]
    async fn a_bare_answer_is_exchanged_and_what_looks_like_one_inside_another_is_not() {
        let bare = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let answer = format!("HTTP/1.1 200 OK\r\nx-request-id: 1\r\n\r\n#{bare}");
        let head = answer.len() - bare.len();
        for at_once in [1, 7, head - 1, head, head + 1, 10_000] {
            assert_eq!(through(answer.as_bytes(), at_once).await, answer, "{at_once} at once");
            let exchanged = through(bare.as_bytes(), at_once).await;
            assert!(exchanged.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{exchanged}");
            assert!(exchanged.ends_with('}') && !exchanged.contains("length: 0"), "{exchanged}");
        }
    }

    #[test]
    fn only_what_no_handler_has_made_is_bare() {
        let check = |head: &str, expected: Option<u16>| {
            let status = bare_status(head.replace('\n', "\r\n").as_bytes());
            assert_eq!(status.map(|status| status.as_u16()), expected, "{head}");
        };
        check("HTTP/1.1 431 Request Header Fields Too Large\ncontent-length: 0\n\n", Some(431));
        check("HTTP/1.0 400 Bad Request\n\n", Some(400));
        check("HTTP/1.1 404 Not Found\nx-request-id: 1\n\n", None);
        check("HTTP/1.1 200 OK\n\n", None);
        check("HTTP/1.1 100 Continue\n\n", None);
        check("HTTP/1.1 400 Bad Request\n\n{}", None);
        check("HTTP/1.1 4\n\n", None);
        check("\n\n", None);
    }
}
