//! Deploys the chart with Helm, if it has to be.

use super::live;
use super::release::{Decision, Revision, decide};
use crate::exec;
use crate::failure::{Context, Failure};
use crate::kube::ApiContext;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams};
use openshell_contract::names::{cluster, path};
use openshell_contract::reason::Reason;
use openshell_pid1::Broker;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tracing::info;

/// Helm is not asked to wait for the pods, so this is for its API calls alone.
const LIMIT: Duration = Duration::from_mins(2);
/// Characters of the digest in a label's value (at most 63, Kubernetes "Labels and Selectors").
const DIGEST_LENGTH: usize = 40;

/// How many revisions Helm keeps.
const HISTORY: &str = "5";

/// The release as it is now.
#[derive(Debug)]
pub struct Deployed {
    /// Helm's revision.
    pub revision: u32,
    /// Digest of chart and values.
    pub digest: String,
    /// What was done, in a few words.
    pub done: &'static str,
    /// The revision of what is wanted, if it was taken back.
    pub refused: Option<u32>,
}

/// The chart in the image.
fn chart() -> PathBuf {
    Path::new(path::BUNDLE).join("charts/openshell")
}

/// Digest of the chart's files.
pub fn chart_digest() -> Result<Vec<u8>, Failure> {
    let dir = chart();
    digest_dir(&dir).failing(Reason::ImageIncomplete, || format!("can't read the chart in {}", dir.display()))
}

/// Makes sure that the chart is deployed with `values` in `namespace` of the cluster that `client` and
/// `kubeconfig` name.
pub async fn ensure(
    client: &Client,
    namespace: &str,
    broker: &Broker,
    kubeconfig: &Path,
    values: &Value,
) -> Result<Deployed, Failure> {
    let api: &Api<Secret> = &Api::namespaced(client.clone(), namespace);
    let input = serde_json::to_vec(values)
        .failing(Reason::ChartFailed, || "can't serialize the chart's values".to_owned())?;
    let digest = Sha256::new().chain_update(chart_digest()?).chain_update(&input).finalize();
    let mut digest = crate::hex::hex(&digest);
    digest.truncate(DIGEST_LENGTH);

    let (interrupted, command, input, done, refused) = match decide(revisions(api).await?, &digest) {
        Decision::Keep(revision) => match live::missing(client, namespace, values).await? {
            None => return Ok(Deployed { revision, digest, done: "unchanged", refused: None }),
            Some(missing) => {
                info!("{missing} is missing: the chart is deployed again");
                (Vec::new(), upgrade(&digest, namespace, kubeconfig), input, "an object was missing", None)
            }
        },
        Decision::Stay { revision, refused } => {
            let done = "kept, what is wanted was taken back";
            return Ok(Deployed { revision, digest, done, refused: Some(refused) });
        }
        Decision::RollBack { interrupted, to, refused } => {
            let command = roll_back(to, namespace, kubeconfig);
            (interrupted, command, Vec::new(), "taken back", Some(refused))
        }
        Decision::Deploy { interrupted, why } => {
            (interrupted, upgrade(&digest, namespace, kubeconfig), input, why, None)
        }
    };
    for secret in interrupted {
        api.delete(&secret, &DeleteParams::default())
            .await
            .map(drop)
            .on(|| format!("can't delete the interrupted release Secret {secret}"))?;
    }
    exec::run(broker, command, input, LIMIT)
        .await
        .failing(Reason::ChartFailed, || format!("can't deploy the chart in {}", chart().display()))?;
    let newest = revisions(api).await?.into_iter().map(|r| r.number).max().unwrap_or(0);
    Ok(Deployed { revision: newest, digest, done, refused })
}

/// Helm's revisions of the release.
pub(super) async fn revisions(api: &Api<Secret>) -> Result<Vec<Revision>, Failure> {
    let selector = format!("owner=helm,name={}", cluster::RELEASE);
    // Only the labels are wanted: the Secrets themselves hold the whole rendered chart.
    let found = api
        .list_metadata(&ListParams::default().labels(&selector))
        .await
        .on(|| "can't list Helm's release Secrets")?;
    let parse = |meta: kube::core::ObjectMeta| Revision::from_labels(meta.name?, &meta.labels?);
    Ok(found.items.into_iter().filter_map(|item| parse(item.metadata)).collect())
}

fn upgrade(digest: &str, namespace: &str, kubeconfig: &Path) -> Command {
    let mut command = helm(namespace, kubeconfig);
    command
        .args(["upgrade", cluster::RELEASE])
        .arg(chart())
        .args(["--install", "--values", "-", "--history-max", HISTORY, "--labels"])
        .arg(format!("{}={digest}", cluster::DIGEST_LABEL));
    command
}

fn roll_back(to: u32, namespace: &str, kubeconfig: &Path) -> Command {
    let mut command = helm(namespace, kubeconfig);
    command.args(["rollback", cluster::RELEASE, &to.to_string(), "--history-max", HISTORY]);
    command
}

fn helm(namespace: &str, kubeconfig: &Path) -> Command {
    let mut command = Command::new("/usr/local/bin/helm");
    command
        .args(["--namespace", namespace, "--kubeconfig"])
        .arg(kubeconfig)
        // Helm wants directories of its own; nothing in them has to last.
        .env("HOME", path::RUN)
        .current_dir("/");
    command
}

fn digest_dir(dir: &Path) -> io::Result<Vec<u8>> {
    let mut files = Vec::new();
    collect(dir, &mut files)?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file)?;
        let name = file.strip_prefix(dir).unwrap_or(&file).to_string_lossy();
        // Lengths in front, so that no two different trees hash the same text.
        hash.update(format!("{} {} ", name.len(), content.len()));
        hash.update(name.as_bytes());
        hash.update(&content);
    }
    Ok(hash.finalize().to_vec())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_sees_names_and_contents() {
        let digest = |files: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("templates")).unwrap();
            for (name, content) in files {
                fs::write(dir.path().join(name), content).unwrap();
            }
            digest_dir(dir.path()).unwrap()
        };
        let base = digest(&[("Chart.yaml", "a"), ("templates/x", "b")]);
        assert_eq!(base, digest(&[("templates/x", "b"), ("Chart.yaml", "a")]));
        assert_ne!(base, digest(&[("Chart.yaml", "a"), ("templates/x", "c")]));
        assert_ne!(base, digest(&[("Chart.yaml", "a"), ("templates/y", "b")]));
        assert_ne!(base, digest(&[("Chart.yaml", "ab"), ("templates/x", "")]));
    }

    #[test]
    fn values_are_never_in_the_arguments() {
        let line = |command: Command| {
            let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
            args.join(" ")
        };
        let kubeconfig = path::KUBECONFIG.as_ref();
        assert_eq!(
            line(upgrade("d1", cluster::NAMESPACE, kubeconfig)),
            "--namespace openshell --kubeconfig /etc/rancher/k3s/k3s.yaml upgrade openshell \
             /opt/openshell/charts/openshell --install --values - --history-max 5 --labels openshell.ai/digest=d1"
        );
        assert_eq!(
            line(roll_back(6, cluster::NAMESPACE, kubeconfig)),
            "--namespace openshell --kubeconfig /etc/rancher/k3s/k3s.yaml rollback openshell 6 --history-max 5"
        );
    }
}
