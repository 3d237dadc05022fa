//! `reconcile`: the same work as process 1 does, once, in whatever cluster a kubeconfig names.

use crate::chart::{self, Inputs};
use crate::failure::Failure;
use crate::secrets::Secrets;
use crate::{kube, say, settings};
use openshell_contract::exit;
use openshell_contract::names::cluster;
use openshell_contract::settings::Settings;
use openshell_pid1::{Broker, Request};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often a failure is met again before it is told; conflicts and short outages are over by then.
const ATTEMPTS: u32 = 6;
/// Delay after the first failure; twice as long after each further one.
const DELAY: Duration = Duration::from_millis(250);

/// What is to be done where.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    kubeconfig: &'a Path,
    namespace: &'a str,
    chart: bool,
}

impl<'a> Plan<'a> {
    /// Reads the arguments after `reconcile`; `None` if they are not of the form that the usage tells.
    pub fn parse(args: &[&'a str]) -> Option<Self> {
        let (mut kubeconfig, mut namespace, mut chart) = (None, cluster::NAMESPACE, false);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--kubeconfig" => kubeconfig = Some(Path::new(*args.next()?)),
                "--namespace" => namespace = args.next()?,
                "--chart" => chart = true,
                _ => return None,
            }
        }
        Some(Self { kubeconfig: kubeconfig?, namespace, chart })
    }

    /// Does it. 0 if all is as it should be in the end, 1 if not.
    pub fn run(&self) -> ExitCode {
        let stop = Arc::new(Notify::new());
        let told = stop.clone();
        // Helm is a child of ours: the broker reaps it, process 1 or not.
        let broker = openshell_pid1::start(move |request| {
            if request == Request::Stop {
                told.notify_one();
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let (broker, runtime) = match (broker, runtime) {
            (Ok(broker), Ok(runtime)) => (broker, runtime),
            (Err(e), _) | (_, Err(e)) => return complain(exit::OS, &format!("the system refuses: {e}")),
        };
        let done = runtime.block_on(async {
            tokio::select! {
                done = self.work(&broker) => done.map_err(|failure| format!("{failure} ({})", failure.reason.remedy())),
                () = stop.notified() => Err("stopped on request; run it again to finish".to_owned()),
            }
        });
        match done {
            Ok(told) => say(&mut io::stdout(), &told, exit::OK),
            Err(why) => complain(exit::FAILED, &why),
        }
    }

    async fn work(&self, broker: &Broker) -> Result<String, Failure> {
        let settings = settings::anywhere(&settings::environment())?;
        let secrets = Secrets::new(kube::connect(self.kubeconfig).await?, self.namespace, &settings);
        let mut delay = DELAY;
        for _ in 1..ATTEMPTS {
            if let Ok(told) = self.pass(&secrets, broker, &settings).await {
                return Ok(told);
            }
            tokio::time::sleep(delay).await;
            delay *= 2;
        }
        self.pass(&secrets, broker, &settings).await
    }

    async fn pass(&self, secrets: &Secrets, broker: &Broker, settings: &Settings) -> Result<String, Failure> {
        let namespace = secrets.namespace().await?;
        let ssh = secrets.ssh().await?;
        let pki = secrets.pki(None).await?;
        let certificates = pki.as_ref().map_or("not needed: plaintext", |pki| &pki.done);
        let mut told = vec![
            format!("namespace {}: {namespace}", self.namespace),
            format!("SSH secret: {}, fingerprint {}", ssh.done, ssh.fingerprint),
            format!("certificates: {certificates}"),
        ];
        if self.chart {
            let mut checksums: BTreeMap<_, _> = pki.map(|pki| pki.checksums).unwrap_or_default();
            checksums.insert("ssh-handshake", ssh.fingerprint);
            let values = chart::values(settings, &Inputs { host_gateway: None, checksums: &checksums });
            let values = chart::overridden(&values, settings.chart_values.as_deref())?;
            let deployed =
                chart::ensure(&secrets.client, self.namespace, broker, self.kubeconfig, &values).await?;
            told.push(format!("chart: revision {}, {}", deployed.revision, deployed.done));
        }
        Ok(told.join("\n") + "\n")
    }
}

fn complain(code: u8, text: &str) -> ExitCode {
    say(&mut io::stderr(), &format!("openshell-init: {text}\n"), code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_in_any_order() {
        let plan = Plan::parse(&["--chart", "--namespace", "n", "--kubeconfig", "f"]).unwrap();
        assert_eq!(plan, Plan { kubeconfig: Path::new("f"), namespace: "n", chart: true });
        let plan = Plan::parse(&["--kubeconfig", "f"]).unwrap();
        assert_eq!(plan, Plan { kubeconfig: Path::new("f"), namespace: "openshell", chart: false });
        for wrong in [&[][..], &["--kubeconfig"], &["--chart"], &["--kubeconfig", "f", "-x"]] {
            assert_eq!(Plan::parse(wrong), None, "{wrong:?}");
        }
    }
}
