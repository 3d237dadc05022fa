//! A socket in front of Docker's that fails, delays or cuts the calls that a test chooses.
//!
//! The client makes one call on each connection, so a connection is a call.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Docker answers with status 500 and this message, and does nothing.
    Refuse(&'static str),
    /// The connection ends before Docker has heard of the call.
    CutBefore,
    /// The connection ends after Docker has done what was asked, before the answer.
    CutAfter,
    /// It takes some time.
    Delay(Duration),
}

/// A socket in front of another one.
pub struct Proxy {
    dir: tempfile::TempDir,
    calls: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens in front of `upstream`. `choose` is asked at each call, with its number from 0 and its first
    /// line.
    ///
    /// # Panics
    /// The system has no socket.
    #[must_use]
    pub fn new(upstream: &Path, choose: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(dir.path().join("docker.sock")).expect("a socket");
        let calls = Arc::new(AtomicUsize::new(0));
        let (counter, upstream, choose) = (Arc::clone(&calls), upstream.to_owned(), Arc::new(choose));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (counter, upstream, choose) =
                    (Arc::clone(&counter), upstream.clone(), Arc::clone(&choose));
                // A connection that breaks is what a test wants to see the client bear.
                thread::spawn(move || drop(pass(client, &upstream, &counter, &*choose)));
            }
        });
        Self { dir, calls }
    }

    /// The value of `DOCKER_HOST` that leads here.
    #[must_use]
    pub fn docker_host(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    /// The socket.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn pass(
    mut client: UnixStream,
    upstream: &Path,
    counter: &AtomicUsize,
    choose: &dyn Fn(usize, &str) -> Fault,
) -> io::Result<()> {
    let head = head(&mut client)?;
    let text = String::from_utf8_lossy(&head).into_owned();
    let fault = choose(counter.fetch_add(1, Ordering::SeqCst), text.lines().next().unwrap_or_default());
    match fault {
        Fault::CutBefore => return Ok(()),
        Fault::Refuse(message) => {
            let body = format!("{{\"message\":\"{message}\"}}");
            let length = body.len();
            return write!(
                client,
                "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
        Fault::Delay(time) => thread::sleep(time),
        Fault::None | Fault::CutAfter => {}
    }
    let mut docker = UnixStream::connect(upstream)?;
    docker.write_all(&head)?;
    let (mut from, mut to) = (client.try_clone()?, docker.try_clone()?);
    thread::spawn(move || {
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Write));
    });
    if fault == Fault::CutAfter {
        // An answer that begins is one to a call that was carried out.
        let mut first = [0];
        docker.read_exact(&mut first)?;
        return client.shutdown(Shutdown::Both);
    }
    drop(io::copy(&mut docker, &mut client));
    client.shutdown(Shutdown::Write)
}

/// The head of a request, byte by byte: what comes after it stays where it is.
fn head(client: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}
