//! The gateway's side of the handshake: connect, send the line, read the verdict.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, SystemTime, SystemTimeError, UNIX_EPOCH};

use rand::TryRng;
use rand::rngs::{SysError, SysRng};

use crate::nssh1::{ACCEPTED, MAX_LINE, Preface, Refusal};
use crate::secret::HandshakeSecret;

/// Why the sandbox's connection isn't open.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The address couldn't be reached.
    #[error("could not {action} {address}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Sandbox as HOST:PORT.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The line can't be made.
    #[error("the handshake can't be sent")]
    Preface(#[from] Refusal),
    /// The machine's clock is before 1970.
    #[error("the clock is unusable")]
    Clock(#[from] SystemTimeError),
    /// The kernel gives no random numbers. A static binary reads them from a file.
    #[error("could not make a nonce; check that /dev/urandom exists")]
    Random(#[from] SysError),
    /// The sandbox answered something else than OK.
    #[error("handshake verification failed: {address} answered {answer:?}")]
    Refused {
        /// Sandbox as HOST:PORT.
        address: String,
        /// Its answer.
        answer: String,
    },
}

/// Seconds since 1970.
pub fn now() -> Result<u64, SystemTimeError> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// Performs the handshake with the sandbox at `address`; `limit` holds for each step.
pub fn handshake(
    address: &str,
    token: &str,
    secret: &HandshakeSecret,
    limit: Duration,
) -> Result<(), DialError> {
    let mut nonce = [0; 16];
    SysRng.try_fill_bytes(&mut nonce)?;
    let line = Preface::new(token, now()?, nonce)?.sign(secret);
    let failed = |action| move |source| DialError::Io { action, address: address.to_owned(), source };
    let mut stream = connect(address, limit).map_err(failed("connect to"))?;
    stream.set_read_timeout(Some(limit)).map_err(failed("set a time limit on"))?;
    stream.set_write_timeout(Some(limit)).map_err(failed("set a time limit on"))?;
    stream.write_all(line.as_bytes()).map_err(failed("send the handshake to"))?;
    let mut answer = String::new();
    let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    BufReader::new(stream.take(most)).read_line(&mut answer).map_err(failed("read the answer of"))?;
    if answer == ACCEPTED {
        return Ok(());
    }
    Err(DialError::Refused { address: address.to_owned(), answer: answer.trim_end().to_owned() })
}

fn connect(address: &str, limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
