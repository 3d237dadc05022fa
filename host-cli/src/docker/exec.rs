//! Runs a program in the container: `openshell-init`, which answers for a gateway's inside, or what shows
//! a pod's log.

use super::{Engine, request};
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::{Stream, StreamExt};
use std::pin::Pin;

type Frames = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// What a command said, and its exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// Exit code.
    pub code: i64,
}

/// The lines of a command that goes on, as they come.
pub struct Watch {
    frames: Frames,
    partial: Vec<u8>,
    lines: std::collections::VecDeque<String>,
}

impl Engine {
    /// Runs `openshell-init ARGS` in `container` to its end.
    ///
    /// # Errors
    /// Docker's: the container does not run, or has no such program.
    pub async fn init(&self, container: &str, args: &[&str]) -> Result<Output, Error> {
        let (id, mut frames) = self.exec(container, args).await?;
        let mut output = Output::default();
        let mut stderr = Vec::new();
        while let Some(frame) = frames.next().await {
            match frame? {
                LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                frame => output.stdout.extend_from_slice(frame.as_ref()),
            }
        }
        output.stderr = String::from_utf8_lossy(&stderr).trim().to_owned();
        output.code = self.docker.inspect_exec(&id).await?.exit_code.unwrap_or(-1);
        Ok(output)
    }

    /// Starts `openshell-init ARGS` in `container` and gives its lines as they come.
    ///
    /// # Errors
    /// Docker's: the container does not run, or has no such program.
    pub async fn watch(&self, container: &str, args: &[&str]) -> Result<Watch, Error> {
        let (_, frames) = self.exec(container, args).await?;
        Ok(Watch { frames, partial: Vec::new(), lines: std::collections::VecDeque::new() })
    }

    /// Runs `command` in `container` and gives what it writes.
    ///
    /// # Errors
    /// Docker's: the container does not run, or has no such program.
    pub async fn run(
        &self,
        container: &str,
        command: &[String],
    ) -> Result<impl Stream<Item = Result<LogOutput, crate::error::Error>> + use<>, crate::error::Error> {
        let name = container.to_owned();
        let started = self.exec_any(container, command.to_vec()).await;
        let (_, frames) = started.map_err(request("run a command in", container))?;
        Ok(frames.map(move |frame| frame.map_err(request("read from a command in", &name))))
    }

    async fn exec(&self, container: &str, args: &[&str]) -> Result<(String, Frames), Error> {
        let cmd = std::iter::once("openshell-init").chain(args.iter().copied()).map(str::to_owned).collect();
        self.exec_any(container, cmd).await
    }

    async fn exec_any(&self, container: &str, cmd: Vec<String>) -> Result<(String, Frames), Error> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(cmd),
            ..CreateExecOptions::default()
        };
        let id = self.docker.create_exec(container, options).await?.id;
        match self.docker.start_exec(&id, None::<StartExecOptions>).await? {
            StartExecResults::Attached { output, .. } => Ok((id, output)),
            StartExecResults::Detached => Ok((id, Box::pin(futures_util::stream::empty()))),
        }
    }
}

impl Watch {
    /// The next line of standard output; nothing when the command is over.
    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            match self.frames.next().await {
                Some(Ok(LogOutput::StdErr { .. })) => {}
                Some(Ok(frame)) => self.push(frame.as_ref()),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// A line may come in several frames, and a frame may hold several lines.
    fn push(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            self.lines.push_back(String::from_utf8_lossy(&line[..end]).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_put_together_from_frames() {
        let frame = |text: &'static str| Ok(LogOutput::StdOut { message: text.into() });
        let error = Ok(LogOutput::StdErr { message: "noise\n".into() });
        let frames = [frame("a"), error, frame("b\nc\n"), frame("d")];
        let mut watch = Watch {
            frames: Box::pin(futures_util::stream::iter(frames)),
            partial: Vec::new(),
            lines: std::collections::VecDeque::new(),
        };
        assert_eq!(watch.line().await.as_deref(), Some("ab"));
        assert_eq!(watch.line().await.as_deref(), Some("c"));
        assert_eq!(watch.line().await, None);
    }
}
