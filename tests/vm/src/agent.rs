//! The machine's shell, over its port. The protocol is in `guest/agent`.

use crate::error::{Attempt, Error, Result};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const HELLO: &str = "hello";

/// The connection to the agent. It lasts as long as the machine's process, over restarts of the machine.
pub struct Agent {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Agent {
    /// The other end is the machine's port.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Waits until the machine's agent has started, whatever was said before.
    pub fn wait_hello(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while self.frame(deadline)? != HELLO {}
        Ok(())
    }

    /// Starts a Bash script that ends the agent, so that nothing is answered.
    pub fn send(&mut self, script: &str) -> Result<()> {
        self.stream.write_all(format!("{script}\0").as_bytes()).attempting(|| "can't write to the agent")
    }

    /// Runs a Bash script. Returns its output, both streams, and its exit code.
    pub fn run(&mut self, script: &str, limit: Duration) -> Result<(String, i32)> {
        let deadline = Instant::now() + limit;
        self.send(script)?;
        let output = self.frame(deadline)?;
        let code = self.frame(deadline)?;
        if code == HELLO {
            return Err(Error::Machine(format!("restarted by itself during: {script}")));
        }
        let code = code.parse().map_err(|_| Error::Machine(format!("gave '{code}' for an exit code")))?;
        Ok((output, code))
    }

    /// The next frame.
    fn frame(&mut self, deadline: Instant) -> Result<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == 0) {
                let frame: Vec<u8> = self.unread.drain(..=end).take(end).collect();
                return Ok(String::from_utf8_lossy(&frame).into_owned());
            }
            self.fill(deadline)?;
        }
    }

    fn fill(&mut self, deadline: Instant) -> Result<()> {
        let silent = || Error::Machine("does not answer".to_owned());
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        self.stream
            .set_read_timeout(Some(left.ok_or_else(silent)?))
            .attempting(|| "can't set a time limit")?;
        let mut buffer = [0; 16 * 1024];
        let off = || Error::Machine("went off".to_owned());
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(off()),
            // It had not read all that was sent.
            Err(e) if e.kind() == ErrorKind::ConnectionReset => Err(off()),
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(silent()),
            Err(e) => Err(e).attempting(|| "can't read from the agent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixStream, Agent) {
        let (machine, stream) = UnixStream::pair().unwrap();
        (machine, Agent::new(stream))
    }

    const LIMIT: Duration = Duration::from_secs(5);

    #[test]
    fn frames_come_in_any_pieces() {
        let (mut machine, mut agent) = pair();
        machine.write_all(b"torn off\0hel").unwrap();
        machine.write_all(b"lo\0out\nput\x003\0").unwrap();
        agent.wait_hello(LIMIT).unwrap();
        assert_eq!(agent.run("x", LIMIT).unwrap(), ("out\nput".to_owned(), 3));
    }

    #[test]
    fn silence_end_and_restart_are_told_apart() {
        let (mut machine, mut agent) = pair();
        let error = agent.run("x", Duration::from_millis(10)).unwrap_err();
        assert!(error.to_string().contains("does not answer"), "{error}");
        machine.write_all(b"torn off\0hello\0").unwrap();
        let error = agent.run("x", LIMIT).unwrap_err();
        assert!(error.to_string().contains("restarted by itself"), "{error}");
        drop(machine);
        assert!(agent.wait_hello(LIMIT).unwrap_err().to_string().contains("went off"));
    }
}
