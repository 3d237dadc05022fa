//! Which lines of the log are whose.

use crate::cli::{Component, Logs};
use bollard::container::LogOutput;

/// Passes the lines of one part of the gateway.
pub(super) struct Filter {
    component: Option<Component>,
    /// What was read of a line whose end hasn't come: of standard output and of standard error.
    partial: [Vec<u8>; 2],
}

impl Filter {
    pub(super) const fn new(component: Option<Component>) -> Self {
        Self { component, partial: [Vec::new(), Vec::new()] }
    }

    /// What of `frame` is to be shown. Where lines are told apart, only whole ones are.
    pub(super) fn pass(&mut self, frame: &LogOutput) -> LogOutput {
        let wants_init = match self.component {
            Some(Component::Init) => true,
            Some(Component::K3s) => false,
            Some(Component::Gateway) | None => return frame.clone(),
        };
        let is_error = matches!(frame, LogOutput::StdErr { .. });
        let partial = &mut self.partial[usize::from(is_error)];
        partial.extend_from_slice(frame.as_ref());
        let end = partial.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = partial.drain(..end).collect();
        let lines = whole.split_inclusive(|b| *b == b'\n');
        let shown: Vec<u8> = lines.filter(|line| is_of_init(line) == wants_init).flatten().copied().collect();
        let message = shown.into();
        if is_error { LogOutput::StdErr { message } } else { LogOutput::StdOut { message } }
    }
}

/// PID 1's lines name the module that wrote them, before anything else that may be in them:
/// `TIME LEVEL openshell_init::MODULE: …`, or in JSON `"target":"openshell_init::MODULE"`.
fn is_of_init(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    if line.starts_with('{') {
        return line.contains(r#""target":"openshell_"#) || line.contains("the log was not read in time");
    }
    line.split_whitespace().nth(2).is_some_and(|word| word.starts_with("openshell_"))
        || line.contains("lines of the log were lost")
}

/// The command that shows the log of the gateway's pod.
pub(super) fn of_the_pod(args: &Logs) -> Vec<String> {
    let mut command =
        ["kubectl", "-n", "openshell", "logs", "statefulset/openshell"].map(str::to_owned).to_vec();
    command.extend(args.follow.then(|| "--follow".to_owned()));
    command.extend(args.tail.map(|n| format!("--tail={n}")));
    command.extend(args.since.map(|seconds| format!("--since={seconds}s")));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const INIT: &str = "2026-01-01T00:00:00.0Z  INFO openshell_init::board: stopping\n";
    const JSON: &str =
        "{\"timestamp\":\"t\",\"level\":\"INFO\",\"message\":\"m\",\"target\":\"openshell_init::board\"}\n";
    const K3S: &str = "time=\"2026\" level=info msg=\"of openshell_init::board\"\n";

    fn shown(component: Option<Component>, frames: &[&str]) -> String {
        let mut filter = Filter::new(component);
        let frame = |text: &&str| LogOutput::StdErr { message: (*text).to_owned().into() };
        frames.iter().map(|text| filter.pass(&frame(text)).to_string()).collect()
    }

    #[test]
    fn lines_are_told_apart_wherever_frames_are_cut() {
        let whole = [INIT, K3S, JSON].concat();
        for cut in 0..whole.len() {
            let frames = [&whole[..cut], &whole[cut..]];
            assert_eq!(shown(Some(Component::Init), &frames), [INIT, JSON].concat());
            assert_eq!(shown(Some(Component::K3s), &frames), K3S);
            assert_eq!(shown(None, &frames), whole);
        }
    }

    #[test]
    fn the_pod_is_asked_with_the_same_limits() {
        let args = Logs { follow: true, tail: Some(3), since: Some(90), component: Some(Component::Gateway) };
        let command = of_the_pod(&args).join(" ");
        assert_eq!(command, "kubectl -n openshell logs statefulset/openshell --follow --tail=3 --since=90s");
    }
}
