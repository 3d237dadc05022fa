//! The subcommands that ask the running process 1 over its socket. Plain blocking I/O: the health check
//! runs every few seconds and has to cost next to nothing.

mod replace;
mod request;
mod text;
mod timeline;

pub use replace::replace;
pub use request::request;

use crate::say;
use crate::socket::Answer;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use openshell_contract::exit;
use openshell_contract::names::path;
use openshell_contract::status::Status;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

/// How long process 1 may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How `status` prints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// The document on one line.
    Json,
    /// The document at each change.
    Watch,
    /// The start's stages as bars.
    Timeline,
    /// The same as an SVG picture.
    Svg,
}

/// Why process 1 gave no answer.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("no answer on {socket}: {0}; is `openshell-init boot` running as process 1?", socket = path::SOCKET)]
    Io(#[from] io::Error),
    #[error("the answer on {socket} is not what was asked for: {0}", socket = path::SOCKET)]
    Document(#[from] serde_json::Error),
    #[error(
        "there are no client certificates: the gateway serves plaintext or has not made them yet; see `openshell-init status`"
    )]
    NoClient,
}

/// `health`: 0 if the gateway is healthy, 1 if not; one line says why. The document itself is left to process 1, and
/// with it the memory that reading it takes.
pub fn health() -> ExitCode {
    match ask("health").and_then(|answer| Ok(serde_json::from_str(&answer)?)) {
        Ok(Answer { done: healthy, text }) => {
            say(&mut io::stdout(), &format!("{text}\n"), if healthy { exit::OK } else { exit::FAILED })
        }
        Err(e) => fail(&e),
    }
}

/// `status`, in one of its forms.
pub fn status(form: Form) -> ExitCode {
    let done = match form {
        Form::Watch => watch(),
        Form::Json => ask("status"),
        Form::Text => rendered(text::render),
        Form::Timeline => rendered(timeline::text),
        Form::Svg => rendered(timeline::svg),
    };
    match done {
        Ok(text) => say(&mut io::stdout(), &text, exit::OK),
        Err(e) => fail(&e),
    }
}

fn rendered(by: fn(&Status) -> String) -> Result<String, AskError> {
    Ok(by(&serde_json::from_str(&ask("status")?)?))
}

/// `export-client`: a tar of the client's three files on standard output.
pub fn export_client() -> ExitCode {
    let exported = ask("export-client").and_then(|answer| {
        if answer.trim().is_empty() {
            return Err(AskError::NoClient);
        }
        let files: std::collections::BTreeMap<String, String> = serde_json::from_str(&answer)?;
        let mut tar = tar::Builder::new(io::stdout().lock());
        for (name, content) in &files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(if name == "tls.key" { 0o600 } else { 0o644 });
            tar.append_data(&mut header, name, content.as_bytes())?;
        }
        tar.into_inner()?.flush()?;
        Ok(())
    });
    match exported {
        Ok(()) => ExitCode::from(exit::OK),
        Err(e) => fail(&e),
    }
}

fn ask(request: &str) -> Result<String, AskError> {
    let mut answer = String::new();
    request_stream(request)?.read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(answer)
}

/// Passes lines on until process 1 or the reader leaves.
fn watch() -> Result<String, AskError> {
    let mut stream = request_stream("watch")?;
    stream.get_ref().set_read_timeout(None)?;
    let mut stdout = io::stdout().lock();
    let mut line = String::new();
    loop {
        // What was read ahead is passed on before anything is waited for.
        if stream.buffer().is_empty() && !comes_more(stream.get_ref(), &stdout)? {
            return Ok(String::new());
        }
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(String::new());
        }
        stdout.write_all(line.as_bytes())?;
        stdout.flush()?;
    }
}

/// Waits until process 1 has something to say. False if the reader left meanwhile: nothing would be
/// written, and so nothing noticed, until the next change.
fn comes_more(source: &UnixStream, reader: &impl AsFd) -> io::Result<bool> {
    let mut fds =
        [PollFd::new(source.as_fd(), PollFlags::POLLIN), PollFd::new(reader.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut fds, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
            // POLLERR and POLLHUP are always told, asked for or not (`poll(2)`).
            Ok(_) => return Ok(fds[1].any() != Some(true)),
        }
    }
}

fn request_stream(request: &str) -> io::Result<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(path::SOCKET)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    writeln!(stream, "{request}")?;
    Ok(BufReader::new(stream))
}

fn fail(error: &AskError) -> ExitCode {
    say(&mut io::stderr(), &format!("openshell-init: {error}\n"), exit::FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_left_is_noticed_without_a_word_from_process_1() {
        let (source, process_1) = UnixStream::pair().unwrap();
        let (read, write) = io::pipe().unwrap();
        writeln!(&process_1, "document").unwrap();
        assert!(comes_more(&source, &write).unwrap());
        drop(read);
        assert!(!comes_more(&source, &write).unwrap());
    }
}
