//! A request of the HTTP that Docker's clients speak.

use serde_json::Value;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;

/// Method, target and body.
pub fn request(client: &mut UnixStream) -> io::Result<(String, String, Value)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase().lines().map(str::to_owned).collect::<Vec<_>>();
    let length = head.iter().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    client.read_exact(&mut body)?;
    let mut first = head[0].split_whitespace().map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    Ok((method.to_uppercase(), target, serde_json::from_slice(&body).unwrap_or_default()))
}
