// Package netpol enforces NetworkPolicy objects. The controller is kube-router's,
// which k3s embeds as well (pkg/agent/netpol).
package netpol

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
	"github.com/coreos/go-iptables/iptables"
	core "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// registration is how often the node is looked for until kubelet has made it.
const registration = 250 * time.Millisecond

// Controller enforces the policies for the pods of one node.
type Controller struct {
	client                     kubernetes.Interface
	node, services             string
	pods, policies, namespaces cache.SharedIndexInformer
}

// New returns a controller for a node, in a cluster whose services have the
// network services. It registers with the informers, which have to be started
// after that.
func New(client kubernetes.Interface, factory informers.SharedInformerFactory, node, services string) *Controller {
	return &Controller{
		client: client, node: node, services: services,
		pods:       factory.Core().V1().Pods().Informer(),
		policies:   factory.Networking().V1().NetworkPolicies().Informer(),
		namespaces: factory.Core().V1().Namespaces().Informer(),
	}
}

// Run enforces until ctx ends. The programs iptables and ipset are taken from
// PATH. Rules that the kernel refuses end the process, as they end k3s.
func (c *Controller) Run(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), c.pods.HasSynced, c.policies.HasSynced, c.namespaces.HasSynced) {
		return nil
	}
	controller, config, err := c.whenRegistered(ctx)
	if err != nil || controller == nil {
		return err
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		c.pods: controller.PodEventHandler, c.policies: controller.NetworkPolicyEventHandler,
		c.namespaces: controller.NamespaceEventHandler,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch what policies are about: %w", err)
		}
	}
	health, err := healthcheck.NewHealthController(config)
	if err != nil {
		return fmt.Errorf("set up the policy controller: %w", err)
	}
	beats := make(chan *healthcheck.ControllerHeartbeat)
	var running sync.WaitGroup
	running.Add(2)
	// Nobody else takes what the controller says of its health.
	go health.RunCheck(beats, ctx.Done(), &running)
	go controller.Run(beats, ctx.Done(), &running)
	running.Wait()
	return nil
}

// whenRegistered sets the controller up once the node has an address, and
// returns none if ctx ends before that.
func (c *Controller) whenRegistered(ctx context.Context) (*netpol.NetworkPolicyController, *options.KubeRouterConfig, error) {
	config := options.NewKubeRouterConfig()
	config.ClusterIPCIDRs = []string{c.services}
	config.EnableIPv4 = true
	config.HostnameOverride = c.node
	filter, err := iptables.NewWithProtocol(iptables.ProtocolIPv4)
	if err != nil {
		return nil, nil, fmt.Errorf("find iptables: %w", err)
	}
	sets, err := utils.NewIPSet(false)
	if err != nil {
		return nil, nil, fmt.Errorf("find ipset: %w", err)
	}
	filters := map[core.IPFamily]utils.IPTablesHandler{core.IPv4Protocol: filter}
	setsByFamily := map[core.IPFamily]utils.IPSetHandler{core.IPv4Protocol: sets}
	for {
		controller, err := netpol.NewNetworkPolicyController(
			c.client, config, c.pods, c.policies, c.namespaces, &sync.Mutex{}, filters, setsByFamily)
		if err == nil {
			return controller, config, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, nil
		case <-time.After(registration):
		}
	}
}
