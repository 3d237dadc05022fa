//! What a gateway that can't start said last.

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, LogParams};
use openshell_contract::names::cluster;
use std::time::Duration;

/// How many lines are told, and how much of each.
const LINES: i64 = 5;
const LENGTH: usize = 200;
/// How long kubelet may take. What it doesn't say is left out: it is a help, not the report itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last lines of the gateway's container: of the one that ended last, or of the one that runs.
pub async fn last_words(client: &Client) -> Option<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), cluster::NAMESPACE);
    let pod = format!("{}-0", cluster::RELEASE);
    for previous in [true, false] {
        let params = LogParams { previous, tail_lines: Some(LINES), ..LogParams::default() };
        if let Ok(Ok(text)) = tokio::time::timeout(PATIENCE, pods.logs(&pod, &params)).await
            && let Some(told) = shortened(&text)
        {
            return Some(told);
        }
    }
    None
}

/// The lines on one, without what would command a terminal.
fn shortened(text: &str) -> Option<String> {
    let short = |line: &str| -> String { line.chars().filter(|c| !c.is_control()).take(LENGTH).collect() };
    let lines: Vec<String> = text.lines().map(short).filter(|line| !line.trim().is_empty()).collect();
    (!lines.is_empty()).then(|| lines.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_on_one_and_not_at_length() {
        assert_eq!(shortened("\n \n"), None);
        assert_eq!(shortened("a\u{1b}[31m\n\nb\r\n").as_deref(), Some("a[31m | b"));
        assert_eq!(shortened(&"x".repeat(1000)).unwrap().len(), LENGTH);
    }
}
