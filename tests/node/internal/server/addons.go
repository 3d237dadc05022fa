package server

import (
	"context"
	"net"
	"path/filepath"
	"strconv"

	"github.com/sirupsen/logrus"
	core "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"openshell.ai/tests/node/internal/clusterdns"
	"openshell.ai/tests/node/internal/components"
	"openshell.ai/tests/node/internal/flags"
	"openshell.ai/tests/node/internal/localpath"
	"openshell.ai/tests/node/internal/netpol"
	"openshell.ai/tests/node/internal/nodepassword"
)

// startAddons makes the objects that k3s deploys by manifest and starts the
// controllers that run inside the node. They run until ctx ends.
func (s *server) startAddons(ctx, beside context.Context) error {
	factory := informers.NewSharedInformerFactory(s.client, 0)
	var run []func()
	var ensure []func() error

	if !s.opts.Disabled(flags.LocalStorage) {
		volumes, err := localpath.New(s.client, factory, s.node.Name, filepath.Join(s.opts.DataDir, "storage"))
		if err != nil {
			return err
		}
		ensure = append(ensure, func() error { return localpath.EnsureClass(beside, s.client) })
		run = append(run, func() { volumes.Run(ctx) })
	}
	if !s.opts.Disabled(flags.CoreDNS) {
		dns := &clusterdns.Server{
			Domain:   components.ClusterDomain,
			Services: clusterdns.NewCluster(factory),
			Forward:  clusterdns.Forwarder(components.ResolvConf(s.opts.KubeletArgs)),
		}
		ensure = append(ensure, func() error {
			return clusterdns.EnsureService(beside, s.client, components.DNSIP, s.node.IP)
		})
		run = append(run, func() { s.serveDNS(ctx, factory, dns) })
	}
	if !s.opts.DisableNetworkPolicy {
		policies := netpol.New(s.client, factory, s.node.Name, components.ServiceNet)
		run = append(run, func() {
			if err := policies.Run(ctx); err != nil {
				logrus.Errorf("Network policies are not enforced: %v", err)
			}
		})
	}
	if err := s.forgetDeletedNodes(ctx, factory); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for _, f := range run {
		go f()
	}
	return parallel(ensure...)
}

func (s *server) serveDNS(ctx context.Context, factory informers.SharedInformerFactory, dns *clusterdns.Server) {
	// An answer from half a cache would say that names don't exist.
	for _, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return
		}
	}
	address := net.JoinHostPort(s.node.IP.String(), strconv.Itoa(clusterdns.Port))
	err := dns.Run(ctx, address, func() { logrus.Infof("Cluster DNS is now running on %s", address) })
	if err != nil {
		logrus.Errorf("%v", err)
	}
}

// forgetDeletedNodes lets a name be used again once its node was deleted.
func (s *server) forgetDeletedNodes(ctx context.Context, factory informers.SharedInformerFactory) error {
	_, err := factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			node, ok := object.(*core.Node)
			if !ok {
				return
			}
			if err := nodepassword.Forget(ctx, s.client, node.Name); err != nil {
				logrus.Errorf("Delete the password of node %s: %v", node.Name, err)
			}
		},
	})
	return err
}
