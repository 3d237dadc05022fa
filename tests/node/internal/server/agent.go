package server

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/sirupsen/logrus"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"openshell.ai/tests/node/internal/components"
	"openshell.ai/tests/node/internal/nodepassword"
)

// admitRetry is how often k3s's agent asks for its configuration
// (pkg/agent/config/config.go, Get).
const admitRetry = 5 * time.Second

// admit returns when the cluster accepts the node's password. As with k3s, a
// wrong one keeps the node out and is said every five seconds, but ends nothing.
func (s *server) admit(ctx context.Context) error {
	password, err := nodepassword.Read(nodepassword.File)
	if err != nil {
		return err
	}
	for {
		err := nodepassword.Ensure(ctx, s.client, s.node.Name, password)
		if err == nil {
			return nil
		}
		logrus.Infof("Waiting to retrieve agent configuration; server is not ready: %v", err)
		if !wait(ctx, admitRetry) {
			return fmt.Errorf("wait for the node to be admitted: %w", err)
		}
	}
}

func (s *server) startAgent() error {
	var err error
	if s.kubelet, err = s.component(components.Kubelet, s.node.KubeletArgs(s.opts.KubeletArgs)); err != nil {
		return err
	}
	s.proxy, err = s.component(components.KubeProxy, s.node.KubeProxyArgs(s.opts.KubeProxyArgs))
	return err
}

// hostIP returns the address of the interface that the default route uses.
func hostIP() (net.IP, error) {
	ip, err := utilnet.ChooseHostInterface()
	if err != nil {
		return nil, fmt.Errorf("find the node's address: %w; add a default route or give --node-ip=ADDRESS", err)
	}
	if ip = ip.To4(); ip == nil {
		return nil, fmt.Errorf("the default route has no IPv4 address; give --node-ip=ADDRESS")
	}
	return ip, nil
}
