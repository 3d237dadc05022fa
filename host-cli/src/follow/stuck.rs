//! Why a gateway did not become ready.

use crate::exit;
use openshell_contract::status::{StageState, Status};
use std::fmt;
use std::time::Duration;

/// Why a gateway did not become ready.
#[derive(Debug)]
pub enum Stuck {
    /// PID 1 gave up.
    Failed(Box<Status>),
    /// The container ended, or ends again and again.
    Crashed {
        /// How it ended the last time.
        exit_code: i64,
        /// How often Docker restarted it meanwhile.
        restarts: i64,
        /// Whether the kernel killed it for want of memory.
        out_of_memory: bool,
    },
    /// The container was removed.
    Gone,
    /// Somebody asked it to stop.
    Stopping,
    /// Not in time; PID 1 goes on.
    Timeout {
        /// The time that was given.
        after: Duration,
        /// The last status, if there was one.
        status: Option<Box<Status>>,
    },
}

impl Stuck {
    /// The stable id.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Failed(_) => "GATEWAY_FAILED",
            Self::Crashed { out_of_memory: true, .. } => "OUT_OF_MEMORY",
            Self::Crashed { .. } => "CRASH_LOOP",
            Self::Gone => "CONTAINER_GONE",
            Self::Stopping => "STOPPING",
            Self::Timeout { .. } => "TIMEOUT",
        }
    }

    /// The exit code, one of [`exit`].
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Crashed { .. } => exit::START_FAILED,
            Self::Gone | Self::Stopping => exit::NOT_RUNNING,
            Self::Timeout { .. } => exit::TIMEOUT,
        }
    }

    /// Why, one line each.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::Failed(status) | Self::Timeout { status: Some(status), .. } => problems(status),
            Self::Crashed { exit_code, restarts, out_of_memory } => {
                let why = if *out_of_memory { ", killed for want of memory" } else { "" };
                vec![format!("exit code {exit_code}{why}; restarted {restarts} times by Docker")]
            }
            Self::Timeout { status: None, .. } => {
                vec!["process 1 of the container gave no status".to_owned()]
            }
            Self::Gone | Self::Stopping => Vec::new(),
        }
    }

    /// What to do about it, one line each.
    #[must_use]
    pub fn remedies(&self) -> Vec<String> {
        match self {
            Self::Failed(status) | Self::Timeout { status: Some(status), .. } => remedies(status),
            Self::Crashed { out_of_memory: true, .. } => {
                vec!["give Docker more memory (a gateway needs 4 GB), or close other programs".to_owned()]
            }
            Self::Timeout { status: None, .. } | Self::Crashed { .. } | Self::Gone | Self::Stopping => {
                Vec::new()
            }
        }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(status) => match status.problems.first() {
                Some(problem) => write!(f, "failed in stage {}", problem.stage),
                None => f.write_str("failed"),
            },
            Self::Crashed { restarts: 0, .. } => f.write_str("ended while starting"),
            Self::Crashed { .. } => f.write_str("crashes again and again while starting"),
            Self::Gone => f.write_str("was removed while starting"),
            Self::Stopping => f.write_str("was stopped while starting"),
            Self::Timeout { after, status } => {
                write!(f, "did not become ready within {} s", after.as_secs())?;
                let running: Vec<_> = status
                    .iter()
                    .flat_map(|s| &s.stages)
                    .filter(|s| s.state == StageState::Running)
                    .map(|s| s.name.as_str())
                    .collect();
                if running.is_empty() { Ok(()) } else { write!(f, " (in stage {})", running.join(", ")) }
            }
        }
    }
}

fn problems(status: &Status) -> Vec<String> {
    let mut causes: Vec<String> =
        status.problems.iter().map(|p| format!("{}: {}", p.reason.code(), p.message)).collect();
    // It may be the cause of a problem that is only seen from outside, such as an API that is silent.
    let end = status.k3s.last_end.iter().map(|end| format!("{}: {}", end.reason.code(), end.message));
    causes.extend(end.filter(|end| !status.problems.iter().any(|p| end.ends_with(&p.message))));
    causes
}

fn remedies(status: &Status) -> Vec<String> {
    let mut remedies: Vec<String> = Vec::new();
    for problem in &status.problems {
        if !remedies.contains(&problem.remedy) {
            remedies.push(problem.remedy.clone());
        }
    }
    if let Some(end) = &status.k3s.last_end {
        let remedy = end.reason.remedy().to_owned();
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_contract::reason::Reason;
    use openshell_contract::status::{K3sEnd, Problem};

    #[test]
    fn how_k3s_ended_is_a_cause_that_is_told_once() {
        let message = "k3s ended with exit code 1: no space left on device".to_owned();
        let mut status = Status::default();
        status.k3s.last_end = Some(K3sEnd { at_ms: 1, reason: Reason::DiskFull, message: message.clone() });
        let told = |status: &Status| {
            let stuck =
                Stuck::Timeout { after: Duration::from_secs(1), status: Some(Box::new(status.clone())) };
            (stuck.causes(), stuck.remedies())
        };
        let cause = format!("DiskFull: {message}");
        let remedy = Reason::DiskFull.remedy().to_owned();
        assert_eq!(told(&status), (vec![cause.clone()], vec![remedy.clone()]));
        status.problems.push(Problem {
            stage: "k3s".to_owned(),
            reason: Reason::DiskFull,
            message,
            remedy: remedy.clone(),
            since_ms: 1,
        });
        assert_eq!(told(&status), (vec![cause], vec![remedy]));
    }
}
