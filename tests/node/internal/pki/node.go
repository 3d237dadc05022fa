package pki

import (
	"fmt"
	"net"
	"os"
	"time"
)

// Base names of the files, as k3s calls them.
const (
	ServerCA        = "server-ca"
	ClientCA        = "client-ca"
	RequestHeaderCA = "request-header-ca"
	ServiceKey      = "service" // signs service account tokens; a key without a certificate

	ServingAPIServer = "serving-kube-apiserver"
	ServingKubelet   = "serving-kubelet"

	ClientAdmin      = "client-admin"
	ClientAPIServer  = "client-kube-apiserver"
	ClientAuthProxy  = "client-auth-proxy"
	ClientController = "client-controller"
	ClientKubelet    = "client-kubelet"
	ClientKubeProxy  = "client-kube-proxy"
	ClientScheduler  = "client-scheduler"
)

// Node says for whom the certificates of a node are.
type Node struct {
	Name      string
	IP        net.IP
	ServiceIP net.IP   // of the Service default/kubernetes
	SANs      []string // --tls-san
}

// Ensure makes what is missing and re-issues what no longer fits the node. It
// returns the names of the certificates that were written.
func Ensure(dir Dir, node Node, now time.Time) ([]string, error) {
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return nil, err
	}
	if _, err := dir.EnsureKey(ServiceKey); err != nil {
		return nil, err
	}
	var written []string
	for authority, leaves := range certificates(node) {
		ca, err := dir.Authority(authority, now)
		if err != nil {
			return written, err
		}
		for name, leaf := range leaves {
			fresh, err := ca.Issue(name, leaf, now)
			if err != nil {
				return written, fmt.Errorf("certificate %s of node %s: %w", name, node.Name, err)
			}
			if fresh {
				written = append(written, name)
			}
		}
	}
	return written, nil
}

func certificates(node Node) map[string]map[string]Leaf {
	local := []string{"localhost", "127.0.0.1", node.Name, node.IP.String()}
	api := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		node.ServiceIP.String(),
	}, local...)
	return map[string]map[string]Leaf{
		ServerCA: {
			ServingAPIServer: {CommonName: "kube-apiserver", Hosts: append(api, node.SANs...)},
			ServingKubelet:   {CommonName: node.Name, Hosts: local},
		},
		ClientCA: {
			ClientAdmin:      {CommonName: "system:admin", Groups: []string{"system:masters"}},
			ClientAPIServer:  {CommonName: "system:apiserver", Groups: []string{"system:masters"}},
			ClientController: {CommonName: "system:kube-controller-manager"},
			ClientKubelet:    {CommonName: "system:node:" + node.Name, Groups: []string{"system:nodes"}},
			ClientKubeProxy:  {CommonName: "system:kube-proxy"},
			ClientScheduler:  {CommonName: "system:kube-scheduler"},
		},
		RequestHeaderCA: {
			ClientAuthProxy: {CommonName: "system:auth-proxy"},
		},
	}
}
