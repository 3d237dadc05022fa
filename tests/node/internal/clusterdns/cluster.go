package clusterdns

import (
	"context"
	"fmt"
	"net"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
)

// Port is where the node answers; pods use port 53 of the Service.
const Port = 10053

const (
	serviceName = "kube-dns"
	sliceName   = "kube-dns-node"
)

// Cluster implements [Services] by informers.
type Cluster struct {
	namespaces corelisters.NamespaceLister
	services   corelisters.ServiceLister
	nodes      corelisters.NodeLister
	slices     discoverylisters.EndpointSliceLister
}

// NewCluster registers with the informers, which have to be started after that.
func NewCluster(factory informers.SharedInformerFactory) *Cluster {
	return &Cluster{
		namespaces: factory.Core().V1().Namespaces().Lister(),
		services:   factory.Core().V1().Services().Lister(),
		nodes:      factory.Core().V1().Nodes().Lister(),
		slices:     factory.Discovery().V1().EndpointSlices().Lister(),
	}
}

// Namespace implements [Services].
func (c *Cluster) Namespace(name string) bool {
	_, err := c.namespaces.Get(name)
	return err == nil
}

// Service implements [Services]. Listers fail only where there is no object.
func (c *Cluster) Service(namespace, name string) *core.Service {
	service, err := c.services.Services(namespace).Get(name)
	if err != nil {
		return nil
	}
	return service
}

// Slices implements [Services].
func (c *Cluster) Slices(namespace, service string) []*discovery.EndpointSlice {
	selector := labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: service})
	slices, err := c.slices.EndpointSlices(namespace).List(selector)
	if err != nil {
		return nil
	}
	return slices
}

// Node implements [Services].
func (c *Cluster) Node(name string) net.IP {
	node, err := c.nodes.Get(name)
	if err != nil {
		return nil
	}
	for _, address := range node.Status.Addresses {
		if address.Type == core.NodeInternalIP {
			return net.ParseIP(address.Address)
		}
	}
	return nil
}

// EnsureService makes the Service kube-system/kube-dns and points it to the
// node. There is no pod behind it, so it has no selector.
func EnsureService(ctx context.Context, client kubernetes.Interface, clusterIP, nodeIP net.IP) error {
	service := &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: serviceName, Labels: map[string]string{"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}},
		Spec: core.ServiceSpec{ClusterIP: clusterIP.String(), Ports: []core.ServicePort{
			{Name: "dns", Port: 53, Protocol: core.ProtocolUDP, TargetPort: intstr.FromInt32(Port)},
			{Name: "dns-tcp", Port: 53, Protocol: core.ProtocolTCP, TargetPort: intstr.FromInt32(Port)},
		}},
	}
	// Looked up first: the API server allocates the address before it looks at
	// the name, so that creating it again says "already allocated".
	services := client.CoreV1().Services(meta.NamespaceSystem)
	_, err := services.Get(ctx, serviceName, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = services.Create(ctx, service, meta.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("ensure Service %s: %w", serviceName, err)
	}
	slices := client.DiscoveryV1().EndpointSlices(meta.NamespaceSystem)
	slice := endpointSlice(nodeIP)
	_, err = slices.Create(ctx, slice, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = slices.Update(ctx, slice, meta.UpdateOptions{}) // the node may have another address now
	}
	if err != nil {
		return fmt.Errorf("point Service %s to %s: %w", serviceName, nodeIP, err)
	}
	return nil
}

func endpointSlice(nodeIP net.IP) *discovery.EndpointSlice {
	ready, port := true, int32(Port)
	udp, tcp := core.ProtocolUDP, core.ProtocolTCP
	udpName, tcpName := "dns", "dns-tcp"
	return &discovery.EndpointSlice{
		ObjectMeta: meta.ObjectMeta{Name: sliceName, Labels: map[string]string{
			discovery.LabelServiceName: serviceName, discovery.LabelManagedBy: "openshell-test-node",
		}},
		AddressType: discovery.AddressTypeIPv4,
		Endpoints:   []discovery.Endpoint{{Addresses: []string{nodeIP.String()}, Conditions: discovery.EndpointConditions{Ready: &ready}}},
		Ports: []discovery.EndpointPort{
			{Name: &udpName, Port: &port, Protocol: &udp}, {Name: &tcpName, Port: &port, Protocol: &tcp},
		},
	}
}
