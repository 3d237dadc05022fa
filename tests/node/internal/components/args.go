// Package components knows the command lines of the Kubernetes components.
package components

import (
	"net"
	"path/filepath"

	"openshell.ai/tests/node/internal/pki"
)

// Names of the components, as `k3s component NAME` takes them.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kubelet           = "kubelet"
	KubeProxy         = "kube-proxy"
)

// Networks and addresses of a k3s cluster (docs.k3s.io/cli/server, "Networking").
const (
	ClusterDomain = "cluster.local"
	PodNetwork    = "10.42.0.0/16"
	ServiceNet    = "10.43.0.0/16"
	NodePodNet    = "10.42.0.0/24" // k3s gives the first node the first /24
)

// Fixed members of [ServiceNet].
var (
	KubernetesIP = net.IPv4(10, 43, 0, 1)
	DNSIP        = net.IPv4(10, 43, 0, 10)
)

// APIURL is where the node's own processes reach the API.
const APIURL = "https://127.0.0.1:6443"

// Node is what the command lines depend on.
type Node struct {
	Name    string
	IP      net.IP
	DataDir string
	// Datastore is the etcd endpoint.
	Datastore string
	// Containerd is the path of the CRI socket.
	Containerd string
	Labels     []string
}

// TLS is the directory of certificates.
func (n Node) TLS() pki.Dir { return pki.Dir(filepath.Join(n.DataDir, "server/tls")) }

// Credential is the path of a component's kubeconfig.
func (n Node) Credential(client string) string {
	return filepath.Join(n.DataDir, "server/cred", client+".kubeconfig")
}

// KubeletConfig is the path of the kubelet's configuration file.
func (n Node) KubeletConfig() string { return filepath.Join(n.DataDir, "agent/etc/kubelet.yaml") }

// APIServerArgs returns the flags of kube-apiserver; extra ones ("name=value")
// come last and win.
func (n Node) APIServerArgs(extra []string) []string {
	tls := n.TLS()
	return with(extra,
		"--advertise-address="+n.IP.String(),
		"--bind-address=0.0.0.0",
		"--secure-port=6443",
		"--etcd-servers="+n.Datastore,
		"--allow-privileged=true",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--client-ca-file="+tls.Cert(pki.ClientCA),
		"--tls-cert-file="+tls.Cert(pki.ServingAPIServer),
		"--tls-private-key-file="+tls.Key(pki.ServingAPIServer),
		"--kubelet-client-certificate="+tls.Cert(pki.ClientAPIServer),
		"--kubelet-client-key="+tls.Key(pki.ClientAPIServer),
		"--kubelet-certificate-authority="+tls.Cert(pki.ServerCA),
		"--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"--service-cluster-ip-range="+ServiceNet,
		"--service-node-port-range=30000-32767",
		"--service-account-issuer=https://kubernetes.default.svc."+ClusterDomain,
		"--service-account-key-file="+tls.Key(pki.ServiceKey),
		"--service-account-signing-key-file="+tls.Key(pki.ServiceKey),
		"--api-audiences=https://kubernetes.default.svc."+ClusterDomain+",k3s",
		"--requestheader-client-ca-file="+tls.Cert(pki.RequestHeaderCA),
		"--requestheader-allowed-names=system:auth-proxy",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file="+tls.Cert(pki.ClientAuthProxy),
		"--proxy-client-key-file="+tls.Key(pki.ClientAuthProxy),
		"--profiling=false",
	)
}

// ControllerManagerArgs returns the flags of kube-controller-manager.
func (n Node) ControllerManagerArgs(extra []string) []string {
	tls := n.TLS()
	return with(extra, append(n.controlPlane(pki.ClientController),
		"--allocate-node-cidrs=true",
		"--cluster-cidr="+PodNetwork,
		"--service-cluster-ip-range="+ServiceNet,
		"--service-account-private-key-file="+tls.Key(pki.ServiceKey),
		"--root-ca-file="+tls.Cert(pki.ServerCA),
		"--use-service-account-credentials=true",
		"--cluster-signing-cert-file="+tls.Cert(pki.ClientCA),
		"--cluster-signing-key-file="+tls.Key(pki.ClientCA),
	)...)
}

// SchedulerArgs returns the flags of kube-scheduler.
func (n Node) SchedulerArgs(extra []string) []string {
	return with(extra, n.controlPlane(pki.ClientScheduler)...)
}

func (n Node) controlPlane(client string) []string {
	credential := n.Credential(client)
	return []string{
		"--kubeconfig=" + credential,
		"--authentication-kubeconfig=" + credential,
		"--authorization-kubeconfig=" + credential,
		"--leader-elect=false", // there is one server
		"--bind-address=127.0.0.1",
		"--profiling=false",
	}
}

// KubeProxyArgs returns the flags of kube-proxy. The conntrack settings are
// left alone: they belong to the host, and k3s leaves them alone as well.
func (n Node) KubeProxyArgs(extra []string) []string {
	return with(extra,
		"--kubeconfig="+n.Credential(pki.ClientKubeProxy),
		"--proxy-mode=iptables",
		"--cluster-cidr="+PodNetwork,
		"--hostname-override="+n.Name,
		"--healthz-bind-address=127.0.0.1:10256",
		"--conntrack-max-per-core=0",
		"--conntrack-tcp-timeout-established=0s",
		"--conntrack-tcp-timeout-close-wait=0s",
	)
}

func with(extra []string, args ...string) []string {
	for _, arg := range extra {
		args = append(args, "--"+arg)
	}
	return args
}
