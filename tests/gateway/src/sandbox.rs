//! The sandbox's side of the handshake: a port that tells who knows the secret it was created with.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::dial;
use crate::nssh1::{self, ACCEPTED, MAX_LINE, Preface, Refusal};
use crate::replay::NonceMemory;
use crate::secret::HandshakeSecret;

/// How long a peer may take for its line.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that are served at once; more wait in the listen queue.
const MAX_CONNECTIONS: usize = 64;
/// Handshakes that are accepted within the clock skew.
const MAX_NONCES: usize = 4096;
/// Pause after a failed accept: it fails for want of descriptors, which needs time to change.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Judges lines by the secret, the clock and the nonces seen so far.
#[derive(Debug)]
pub struct Verifier {
    secret: HandshakeSecret,
    max_skew: u64,
    nonces: Mutex<NonceMemory>,
}

impl Verifier {
    /// A verifier that has seen no nonce. `max_skew` is in seconds.
    #[must_use]
    pub fn new(secret: HandshakeSecret, max_skew: u64) -> Self {
        Self { secret, max_skew, nonces: Mutex::new(NonceMemory::new(MAX_NONCES)) }
    }

    /// Accepts or refuses `line` at the time `now` (seconds since 1970).
    pub fn verify(&self, line: &[u8], now: u64) -> Result<Preface, Refusal> {
        let preface = nssh1::verify(line, &self.secret, now, self.max_skew)?;
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.take(&preface, now, self.max_skew)?;
        Ok(preface)
    }
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, verifier: Arc<Verifier>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // The semaphore is never closed, so that the loop ends only when the future is dropped.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let verifier = Arc::clone(&verifier);
                tokio::spawn(async move {
                    let outcome = timeout(READ_TIMEOUT, answer(stream, &verifier)).await;
                    drop(slot);
                    match outcome {
                        Ok(Ok(Some(Ok(preface)))) => {
                            info!(%peer, token = preface.token(), "handshake accepted");
                        }
                        Ok(Ok(Some(Err(refusal)))) => warn!(%peer, %refusal, "handshake refused"),
                        // A probe connects and says nothing.
                        Ok(Ok(None)) => {}
                        Ok(Err(error)) => warn!(%peer, %error, "connection lost"),
                        Err(_) => warn!(%peer, "no handshake came in time"),
                    }
                });
            }
            Err(error) => {
                warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, verifier: &Verifier) -> io::Result<Option<Result<Preface, Refusal>>> {
    // One byte more than allowed, so that a longer line is seen to be too long.
    let most = u64::try_from(MAX_LINE + 1).unwrap_or(u64::MAX);
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    (&mut stream).take(most).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let verdict = verifier.verify(&line, dial::now().map_err(io::Error::other)?);
    let text = match &verdict {
        Ok(_) => ACCEPTED.to_owned(),
        Err(refusal) => nssh1::refused(refusal),
    };
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(Some(verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_accepted_once_and_a_strangers_line_takes_no_room() {
        let verifier = Verifier::new("key".parse().unwrap(), 300);
        let good = Preface::new("t", 1000, [1; 16]).unwrap();
        let stranger = good.sign(&"other".parse().unwrap());
        assert_eq!(verifier.verify(stranger.as_bytes(), 1000), Err(Refusal::WrongMac));
        let line = good.sign(&"key".parse().unwrap());
        assert_eq!(verifier.verify(line.as_bytes(), 1000), Ok(good));
        assert_eq!(verifier.verify(line.as_bytes(), 1000), Err(Refusal::Replayed));
    }
}
