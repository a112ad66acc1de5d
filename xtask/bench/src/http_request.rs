//! Requests to the mock models of rows.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;

use anyhow::Context as _;

/// Reads a request, and returns its body; `None` if the client has closed the connection.
pub fn read_body(connection: &mut BufReader<TcpStream>) -> anyhow::Result<Option<Vec<u8>>> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        match connection.read_line(&mut line)? {
            0 => return Ok(None),
            // The empty line after the head.
            1 | 2 => break,
            _ => {}
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().context("content-length")?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(Some(body))
}
