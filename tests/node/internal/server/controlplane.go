package server

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"openshell.ai/tests/node/internal/child"
	"openshell.ai/tests/node/internal/components"
	"openshell.ai/tests/node/internal/datastore"
	"openshell.ai/tests/node/internal/pki"
)

const (
	readyPoll    = 50 * time.Millisecond
	readyTimeout = 2 * time.Second // of one request
)

// component starts `k3s component NAME`.
func (s *server) component(name string, args []string) (*child.Process, error) {
	logrus.Infof("Running %s", name)
	cmd := exec.Command("/proc/self/exe", append([]string{"component", name}, args...)...)
	cmd.Args[0] = "k3s"
	output := logrus.StandardLogger().Out
	cmd.Stdout, cmd.Stderr = output, output
	return s.set.Start(name, cmd)
}

// startControlPlane starts the datastore and the API server, then all that
// only needs the API. ctx ends with the node, beside also when another part
// fails to start.
func (s *server) startControlPlane(ctx, beside context.Context) error {
	// The datastore outlives ctx: it is closed last.
	store, closeKine := context.WithCancel(context.WithoutCancel(ctx))
	s.closeKine = closeKine
	var err error
	if s.kine, err = datastore.Start(store, s.opts.DataDir); err != nil {
		return err
	}
	s.node.Datastore = s.kine.Endpoint
	if s.apiServer, err = s.component(components.APIServer, s.node.APIServerArgs(s.opts.APIServerArgs)); err != nil {
		return err
	}
	if err := s.waitForAPI(beside); err != nil {
		return err
	}
	logrus.Info("Kube API server is now running")
	if s.controllers, err = s.component(components.ControllerManager, s.node.ControllerManagerArgs(s.opts.ControllerManagerArgs)); err != nil {
		return err
	}
	if s.scheduler, err = s.component(components.Scheduler, s.node.SchedulerArgs(s.opts.SchedulerArgs)); err != nil {
		return err
	}
	return s.startAddons(ctx, beside)
}

func (s *server) connect() (kubernetes.Interface, error) {
	tls := s.node.TLS()
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host:      components.APIURL,
		UserAgent: "k3s",
		QPS:       100, Burst: 200, // the defaults are meant for many clients of one API
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: tls.Cert(pki.ServerCA), CertFile: tls.Cert(pki.ClientAdmin), KeyFile: tls.Key(pki.ClientAdmin),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set up the API client: %w", err)
	}
	return client, nil
}

// waitForAPI waits until /readyz says ok.
func (s *server) waitForAPI(ctx context.Context) error {
	for {
		request, cancel := context.WithTimeout(ctx, readyTimeout)
		err := s.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(request).Error()
		cancel()
		if err == nil {
			return nil
		}
		if !wait(ctx, readyPoll) {
			return fmt.Errorf("wait for the API server: %w, last answer: %w", ctx.Err(), err)
		}
	}
}

// parallel runs functions beside each other and returns the first error.
func parallel(functions ...func() error) error {
	var group errgroup.Group
	for _, f := range functions {
		group.Go(f)
	}
	return group.Wait()
}

// wait sleeps, and reports false where ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
