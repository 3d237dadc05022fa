package components

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"openshell.ai/tests/node/internal/pki"
)

// failCgroupV1 is left at its default (true since Kubernetes 1.35), so that a
// host with cgroup v1 is refused unless --kubelet-arg says otherwise, as by k3s.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %q}
authorization: {mode: Webhook}
tlsCertFile: %q
tlsPrivateKeyFile: %q
staticPodPath: %q
cgroupDriver: cgroupfs
clusterDNS: [%q]
clusterDomain: %q
containerRuntimeEndpoint: %q
failSwapOn: false
oomScoreAdj: 0
evictionHard: {imagefs.available: "5%%", nodefs.available: "5%%"}
evictionMinimumReclaim: {imagefs.available: "10%%", nodefs.available: "10%%"}
serializeImagePulls: false
`

// WriteKubeletConfig writes the kubelet's configuration file. The eviction
// limits are k3s's (pkg/daemons/agent/agent_linux.go).
func (n Node) WriteKubeletConfig() error {
	tls := n.TLS()
	pods := filepath.Join(n.DataDir, "agent/pod-manifests")
	content := fmt.Appendf(nil, kubeletConfig,
		tls.Cert(pki.ClientCA), tls.Cert(pki.ServingKubelet), tls.Key(pki.ServingKubelet), pods,
		DNSIP, ClusterDomain, "unix://"+n.Containerd)
	for _, dir := range []string{pods, filepath.Dir(n.KubeletConfig())} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("write kubelet configuration: %w", err)
		}
	}
	if err := os.WriteFile(n.KubeletConfig(), content, 0o600); err != nil {
		return fmt.Errorf("write kubelet configuration: %w", err)
	}
	return nil
}

// KubeletArgs returns the flags of the kubelet.
func (n Node) KubeletArgs(extra []string) []string {
	labels := append([]string{"node.kubernetes.io/instance-type=k3s"}, n.Labels...)
	return with(extra,
		"--config="+n.KubeletConfig(),
		"--kubeconfig="+n.Credential(pki.ClientKubelet),
		"--hostname-override="+n.Name,
		"--node-ip="+n.IP.String(),
		"--node-labels="+strings.Join(labels, ","),
	)
}

// ResolvConf returns the file that the kubelet takes pods' name servers from:
// the last resolv-conf among --kubelet-arg values, or the host's.
func ResolvConf(kubeletArgs []string) string {
	path := "/etc/resolv.conf"
	for _, arg := range kubeletArgs {
		if value, ok := strings.CutPrefix(arg, "resolv-conf="); ok {
			path = value
		}
	}
	return path
}
