//! A container's log.

use super::{Engine, request};
use crate::error::Error;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::{Stream, StreamExt};

/// Which part of a log.
#[derive(Clone, Debug, Default)]
pub struct LogRequest {
    /// Go on with new lines.
    pub follow: bool,
    /// Only so many last lines.
    pub tail: Option<u32>,
    /// Only lines since then, seconds since the Unix epoch.
    pub since: Option<i32>,
}

impl Engine {
    /// The log of `container`, both streams marked apart.
    pub fn logs(
        &self,
        container: &str,
        wanted: &LogRequest,
    ) -> impl Stream<Item = Result<LogOutput, Error>> + use<> {
        let options = LogsOptions {
            follow: wanted.follow,
            stdout: true,
            stderr: true,
            since: wanted.since.unwrap_or_default(),
            tail: wanted.tail.map_or_else(|| "all".to_owned(), |n| n.to_string()),
            ..LogsOptions::default()
        };
        let name = container.to_owned();
        self.docker
            .logs(container, Some(options))
            .map(move |frame| frame.map_err(request("read the log of", &name)))
    }

    /// The last lines of `container`'s log, for an error message; none if it can't be read.
    pub async fn last_lines(&self, container: &str, count: u32) -> Vec<String> {
        let wanted = LogRequest { tail: Some(count), ..LogRequest::default() };
        let mut frames = self.logs(container, &wanted);
        let mut text = String::new();
        while let Some(Ok(frame)) = frames.next().await {
            text.push_str(&frame.to_string());
        }
        text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
    }
}
