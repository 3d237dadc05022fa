// Package server is `k3s server`: it starts the parts of a node in an order
// made for speed, and stops them in an order that loses nothing.
package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"openshell.ai/tests/node/internal/child"
	"openshell.ai/tests/node/internal/components"
	"openshell.ai/tests/node/internal/containerd"
	"openshell.ai/tests/node/internal/datastore"
	"openshell.ai/tests/node/internal/flags"
	"openshell.ai/tests/node/internal/images"
	"openshell.ai/tests/node/internal/pki"
)

// Kubeconfig is where k3s writes the administrator's kubeconfig.
const Kubeconfig = "/etc/rancher/k3s/k3s.yaml"

// server is a node and its running parts. A part that isn't running is nil.
type server struct {
	opts    *flags.Server
	node    components.Node
	client  kubernetes.Interface
	starter *child.Starter
	set     *child.Set

	kine      *datastore.Kine
	closeKine context.CancelFunc

	apiServer, controllers, scheduler *child.Process
	containerd, kubelet, proxy        *child.Process
}

// Run runs a node until ctx ends, which is no error, or until a part fails.
func Run(ctx context.Context, opts *flags.Server, version string) error {
	logrus.Infof("Starting k3s %s", version)
	for _, name := range opts.Ignored {
		logrus.Warnf("--%s has no effect: the test node has nothing that it would switch off", name)
	}
	s, err := prepare(opts)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case err := <-s.set.Ended():
			cancel(err)
		case <-running.Done():
		}
	}()
	err = s.start(running)
	if err == nil {
		logrus.Info("k3s is up and running")
		<-running.Done()
	}
	// A part that failed is the better reason than the waits that it broke.
	if cause := context.Cause(running); cause != nil {
		err = cause
	}
	cancel(err)
	s.stop()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// prepare makes directories, certificates and credentials.
func prepare(opts *flags.Server) (*server, error) {
	ip := opts.NodeIP
	if ip == nil {
		var err error
		if ip, err = hostIP(); err != nil {
			return nil, err
		}
	}
	starter := child.NewStarter()
	s := &server{
		opts: opts, starter: starter, set: child.NewSet(starter), closeKine: func() {},
		node: components.Node{
			Name: opts.NodeName, IP: ip, DataDir: opts.DataDir, Containerd: containerd.Socket, Labels: opts.NodeLabels,
		},
	}
	for _, dir := range []string{"server/cred", "server/manifests", "server/static/charts", "agent/etc", "storage"} {
		if err := os.MkdirAll(filepath.Join(opts.DataDir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("make the data directory: %w", err)
		}
	}
	written, err := pki.Ensure(s.node.TLS(), pki.Node{
		Name: opts.NodeName, IP: ip, ServiceIP: components.KubernetesIP, SANs: opts.TLSSANs,
	}, time.Now())
	if err != nil {
		return nil, fmt.Errorf("prepare certificates: %w", err)
	}
	logrus.Infof("Node %s has address %s; certificates issued: %s", opts.NodeName, ip, or(strings.Join(written, ", "), "none"))
	for _, client := range []string{pki.ClientController, pki.ClientScheduler, pki.ClientKubelet, pki.ClientKubeProxy} {
		if err := s.node.TLS().Kubeconfig(s.node.Credential(client), components.APIURL, client, 0o600); err != nil {
			return nil, err
		}
	}
	if err := s.node.TLS().Kubeconfig(Kubeconfig, components.APIURL, pki.ClientAdmin, opts.KubeconfigMode); err != nil {
		return nil, err
	}
	logrus.Infof("Wrote kubeconfig %s", Kubeconfig)
	if s.client, err = s.connect(); err != nil {
		return nil, err
	}
	return s, s.node.WriteKubeletConfig()
}

// start starts all parts. The runtime and the images come up beside the API
// server; the kubelet needs them all.
func (s *server) start(ctx context.Context) error {
	group, beside := errgroup.WithContext(ctx)
	group.Go(func() error {
		var err error
		config := containerd.Config{
			DataDir: s.opts.DataDir, Snapshotter: s.opts.Snapshotter, Registries: containerd.Registries,
		}
		if s.containerd, err = config.Start(beside, s.set); err != nil {
			return err
		}
		return images.Importer{Starter: s.starter, DataDir: s.opts.DataDir}.Import(beside)
	})
	group.Go(func() error {
		if err := s.startControlPlane(ctx, beside); err != nil {
			return err
		}
		return s.admit(beside)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return s.startAgent()
}

// Limits of a stop. Together they stay within the time that Docker grants (10 s).
const (
	stopClients    = 1500 * time.Millisecond
	stopAPIServer  = 1500 * time.Millisecond
	stopContainerd = 1500 * time.Millisecond
	stopDatastore  = 2500 * time.Millisecond
)

// stop ends the parts, clients of the API first and the database last. Shims
// and pods are left alone, as by k3s (docs.k3s.io/upgrades/killall).
func (s *server) stop() {
	logrus.Info("Shutting down")
	s.set.Stopping()
	child.Stop(stopClients, s.kubelet, s.proxy, s.controllers, s.scheduler)
	child.Stop(stopAPIServer, s.apiServer)
	s.closeKine()
	child.Stop(stopContainerd, s.containerd)
	if s.kine != nil && !s.kine.Wait(stopDatastore) {
		logrus.Warn("The datastore is still open after its time to close; SQLite will recover it at the next start")
	}
	logrus.Info("Shutdown complete")
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
