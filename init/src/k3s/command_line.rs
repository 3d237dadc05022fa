//! The command line of k3s.

use crate::node::dns::RESOLV_CONF;
use crate::volume::Run;
use openshell_contract::settings::Settings;
use serde::{Deserialize, Serialize};

/// Names that the API server's certificate lists besides k3s's own.
const API_SANS: [&str; 3] = ["127.0.0.1", "localhost", "host.docker.internal"];

/// Each controller gets a token of its own when it starts, from one client whose default of 20 requests a second
/// holds a first start up for four seconds (kubernetes `cmd/kube-controller-manager`, `--kube-api-qps`). The API it
/// asks is in the same process and sheds load by itself.
const CONTROLLER_RATE: [&str; 2] = ["kube-api-qps=200", "kube-api-burst=400"];

/// A pod's address reaches the rules of the node's ports this soon. The default of a second is meant for thousands of
/// services (kubernetes `pkg/proxy/apis/config/v1alpha1/defaults.go`); a refresh of ours takes some 20 ms.
const PROXY_PERIOD: &str = "iptables-min-sync-period=100ms";

/// What was evicted is made again this soon after the node has room. The default of five minutes spares the next node
/// a crowd that comes and goes (kubernetes `pkg/kubelet/apis/config/v1beta1/defaults.go`); here there is no other node,
/// and nothing is served meanwhile.
const PRESSURE_PASSES: &str = "eviction-pressure-transition-period=30s";

/// How `/bin/k3s` is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandLine {
    /// Its arguments.
    pub args: Vec<String>,
    /// What is set in its environment besides what it inherits.
    pub environment: Vec<(String, String)>,
}

impl CommandLine {
    /// The server of `run`, with what the preparation of the node found that it has to be told.
    pub fn server(settings: &Settings, run: &Run, prepared: Vec<String>) -> Self {
        let mut args = vec![
            "server".to_owned(),
            "--disable=traefik".to_owned(),
            // PID 1 runs helm itself: one owner of the release, and no image pull to deploy it.
            "--disable-helm-controller".to_owned(),
            format!("--node-name={}", run.node),
            // Local volumes are bound to the label, so that it outlives a change of the name.
            format!("--node-label=kubernetes.io/hostname={}", run.hostname),
            // The address that was found, whatever other interfaces there are; certificates and endpoints
            // follow it.
            format!("--node-ip={}", run.address),
            // k3s 1.35.2 and later refuse --resolv-conf at the top level.
            format!("--kubelet-arg=resolv-conf={RESOLV_CONF}"),
        ];
        let extra = settings.extra_sans.iter().map(String::as_str);
        args.extend(API_SANS.into_iter().chain(extra).map(|san| format!("--tls-san={san}")));
        args.extend(CONTROLLER_RATE.map(|arg| format!("--kube-controller-manager-arg={arg}")));
        args.push(format!("--kube-proxy-arg={PROXY_PERIOD}"));
        args.push(format!("--kubelet-arg={PRESSURE_PASSES}"));
        args.extend(prepared);
        Self { args, environment: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_contract::settings::{Layer, Source};

    #[test]
    fn the_whole_command_line() {
        let layer = Layer::from([("EXTRA_SANS".to_owned(), "gw.example".to_owned())]);
        let settings = Settings::from_layers(&[(Source::Environment, &layer)]).unwrap();
        let run = Run::after(None, Some("first"), "i", "172.18.0.2", "openshell-x");
        let line = CommandLine::server(&settings, &run, vec!["--snapshotter=native".to_owned()]);
        assert_eq!(
            line.args.join(" "),
            "server --disable=traefik --disable-helm-controller --node-name=openshell-x \
             --node-label=kubernetes.io/hostname=first --node-ip=172.18.0.2 \
             --kubelet-arg=resolv-conf=/etc/rancher/k3s/resolv.conf --tls-san=127.0.0.1 --tls-san=localhost \
             --tls-san=host.docker.internal --tls-san=gw.example --kube-controller-manager-arg=kube-api-qps=200 \
             --kube-controller-manager-arg=kube-api-burst=400 \
             --kube-proxy-arg=iptables-min-sync-period=100ms \
             --kubelet-arg=eviction-pressure-transition-period=30s --snapshotter=native"
        );
    }
}
