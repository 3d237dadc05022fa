//! A status, as text and as JSON.

use crate::files::Held;
use crate::plan::short;
use openshell_contract::condition::Truth;
use openshell_contract::names::host::DEFAULT_NAME;
use openshell_contract::status::{StageState, Status};
use serde::Serialize;
use std::fmt::Write;
use time::OffsetDateTime;

/// What this machine knows of a gateway.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) container: String,
    /// `absent`, or Docker's state of the container.
    pub(super) state: &'static str,
    /// How often Docker restarted it by itself.
    pub(super) restarts: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_certificates: Option<Held>,
    #[serde(skip)]
    pub(super) tls_endpoint: Option<String>,
    #[serde(skip)]
    pub(super) plain_endpoint: Option<String>,
    #[serde(skip)]
    pub(super) remembered_endpoint: Option<String>,
}

impl Host {
    /// Whether PID 1 can be asked.
    pub(super) fn runs(&self) -> bool {
        self.state == "running"
    }
}

/// What both sides know.
#[derive(Debug)]
pub(super) struct Report {
    host: Host,
    status: Option<Status>,
}

impl Report {
    pub(super) const fn new(host: Host, status: Option<Status>) -> Self {
        Self { host, status }
    }

    /// PID 1's document with the host's part under `host`, on one line.
    pub(super) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            #[serde(flatten)]
            status: Option<&'a Status>,
            host: &'a Host,
            #[serde(skip_serializing_if = "Option::is_none")]
            endpoint: Option<String>,
        }
        let document = Document { status: self.status.as_ref(), host: &self.host, endpoint: self.endpoint() };
        // Plain data: it can always be written as JSON.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// For people; without a final newline.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut line = |label: &str, value: String| {
            lines.push(format!("{label:<14}{}", value.trim_end().replace('\n', "\n              ")));
        };
        let host = &self.host;
        line("Gateway:", host.name.clone());
        line("Status:", self.phase());
        if let Some(endpoint) = self.endpoint() {
            line("Endpoint:", endpoint);
        }
        if let Some(image) = &host.image {
            let id = host.image_id.as_deref().unwrap_or_default();
            line("Image:", format!("{image} ({})", short(id)));
        }
        if let Some(status) = &self.status {
            status_lines(status, &mut line);
        }
        let next = match host.client_certificates {
            _ if !host.runs() => "start",
            Some(Held::OtherCa) => {
                line("Clients:", "the certificates on this machine are of another CA".to_owned());
                "certs export"
            }
            Some(Held::Missing) => {
                line("Clients:", "there are no client certificates on this machine".to_owned());
                "certs export"
            }
            Some(Held::Current) | None => return lines.join("\n"),
        };
        let flag = if host.name == DEFAULT_NAME { String::new() } else { format!(" -g {}", host.name) };
        line("Next:", format!("openshell gateway {next}{flag}"));
        lines.join("\n")
    }

    fn phase(&self) -> String {
        let host = &self.host;
        let mut text = match (&self.status, host.runs()) {
            (Some(status), _) => status.phase.as_str().to_owned(),
            (None, true) => "starting (no word from PID 1 yet)".to_owned(),
            (None, false) => host.state.to_owned(),
        };
        if let Some(code) = host.exit_code {
            let _ = write!(text, " (exit code {code})");
        }
        if host.restarts > 0 {
            let _ = write!(text, ", restarted {} times by Docker", host.restarts);
        }
        text
    }

    fn endpoint(&self) -> Option<String> {
        let host = &self.host;
        let known = self.status.as_ref().filter(|s| s.ready_after_ms.is_some());
        match known {
            Some(status) if status.pki.is_some() => host.tls_endpoint.clone(),
            Some(_) => host.plain_endpoint.clone(),
            None => host.remembered_endpoint.clone().or_else(|| host.tls_endpoint.clone()),
        }
    }
}

fn status_lines(status: &Status, line: &mut impl FnMut(&str, String)) {
    if let Some(node) = &status.node {
        line("Node:", format!("{} ({})", node.name, node.address));
    }
    if let Some(chart) = &status.chart {
        line("Chart:", format!("revision {}, {}", chart.revision, chart.image));
    }
    if let Some(pki) = &status.pki {
        line(
            "Certificates:",
            format!(
                "gateway until {}, clients until {}, CA until {}",
                date(pki.server_not_after),
                date(pki.client_not_after),
                date(pki.ca_not_after)
            ),
        );
    }
    if let Some(end) = &status.k3s.last_end {
        let at = i64::try_from(end.at_ms / 1000).unwrap_or_default();
        line("K3s:", format!("ended at {}: {} [{}]", clock(at), end.message, end.reason.code()));
    }
    let running: Vec<_> =
        status.stages.iter().filter(|s| s.state == StageState::Running).map(|s| s.name.as_str()).collect();
    if !running.is_empty() {
        line("Stage:", running.join(", "));
    }
    for problem in &status.problems {
        line("Problem:", format!("{}: {} [{}]", problem.stage, problem.message, problem.reason.code()));
        line("Remedy:", problem.remedy.clone());
    }
    for condition in status.conditions.iter().filter(|condition| condition.status != Truth::True) {
        line("Not met:", condition.summary());
    }
    for warning in &status.warnings {
        line("Warning:", warning.clone());
    }
}

fn clock(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).map_or_else(|_| "?".to_owned(), |t| t.to_string())
}

fn date(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).map_or_else(|_| "?".to_owned(), |t| t.date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_contract::condition::{Condition, Kind};
    use openshell_contract::reason::Reason;
    use openshell_contract::status::{Chart, K3sEnd, Node, Phase, Pki};

    fn report() -> Report {
        let host = Host {
            name: "openshell".to_owned(),
            container: "openshell-cluster-openshell".to_owned(),
            state: "running",
            image: Some("openshell/cluster:dev".to_owned()),
            image_id: Some("sha256:0123456789abcdef".to_owned()),
            tls_endpoint: Some("https://127.0.0.1:8080".to_owned()),
            plain_endpoint: Some("http://127.0.0.1:8080".to_owned()),
            ..Host::default()
        };
        let status = Status {
            phase: Phase::Ready,
            ready_after_ms: Some(1),
            node: Some(Node { name: "n".to_owned(), address: "172.18.0.2".to_owned() }),
            chart: Some(Chart { revision: 3, digest: String::new(), image: "i:1".to_owned() }),
            conditions: vec![
                Condition { status: Truth::True, ..Condition::unknown(Kind::Api, 0) },
                Condition { message: "no answer".to_owned(), ..Condition::unknown(Kind::Dns, 0) },
            ],
            pki: Some(Pki { server_not_after: 1_800_000_000, ..Pki::default() }),
            ..Status::default()
        };
        Report::new(host, Some(status))
    }

    #[test]
    fn text_of_a_ready_gateway() {
        let expected = "\
Gateway:      openshell
Status:       ready
Endpoint:     https://127.0.0.1:8080
Image:        openshell/cluster:dev (0123456789ab)
Node:         n (172.18.0.2)
Chart:        revision 3, i:1
Certificates: gateway until 2027-01-15, clients until 1970-01-01, CA until 1970-01-01
Not met:      dns: no answer";
        assert_eq!(report().text(), expected);
    }

    #[test]
    fn how_k3s_ended_last_is_told() {
        let mut report = report();
        let message = "k3s ended with exit code 1\nno space left on device".to_owned();
        report.status.as_mut().unwrap().k3s.last_end =
            Some(K3sEnd { at_ms: 1_800_000_000_500, reason: Reason::DiskFull, message });
        let expected = "
K3s:          ended at 2027-01-15 8:00:00.0 +00:00:00: k3s ended with exit code 1
              no space left on device [DiskFull]
";
        assert!(report.text().contains(expected), "{}", report.text());
    }

    #[test]
    fn certificates_of_another_ca_are_told_with_the_remedy() {
        let mut report = report();
        report.host.client_certificates = Some(Held::OtherCa);
        report.host.name = "box".to_owned();
        let text = report.text();
        assert!(text.ends_with("another CA\nNext:         openshell gateway certs export -g box"), "{text}");
        assert!(report.json().contains(r#""client_certificates":"other-ca""#));
    }

    #[test]
    fn json_is_the_document_and_the_host() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(json["phase"], "ready");
        assert_eq!(json["host"]["state"], "running");
        assert_eq!(json["endpoint"], "https://127.0.0.1:8080");
        let absent = Report::new(Host { state: "absent", ..Host::default() }, None).json();
        assert!(serde_json::from_str::<serde_json::Value>(&absent).unwrap().get("phase").is_none());
    }

    #[test]
    fn plaintext_is_told_by_the_gateway() {
        let mut report = report();
        report.status.as_mut().unwrap().pki = None;
        assert_eq!(report.endpoint().as_deref(), Some("http://127.0.0.1:8080"));
    }
}
