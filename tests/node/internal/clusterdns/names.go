// Package clusterdns is the cluster's DNS server. It answers for the cluster
// domain after the Kubernetes DNS specification
// (github.com/kubernetes/dns/blob/master/docs/specification.md) and forwards
// the rest, which is what k3s has CoreDNS do (manifests/coredns.yaml).
package clusterdns

import (
	"net"
	"strings"

	"github.com/miekg/dns"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
)

// Services looks up what names stand for.
type Services interface {
	// Namespace reports whether a namespace exists.
	Namespace(name string) bool
	// Service returns nil where there is none.
	Service(namespace, name string) *core.Service
	// Slices returns the endpoints of a Service.
	Slices(namespace, service string) []*discovery.EndpointSlice
	// Node returns the address of a node, or nil.
	Node(name string) net.IP
}

// target is one thing that a name stands for.
type target struct {
	ip   net.IP
	name string // a DNS name: of an ExternalName Service, or of a port's host
	port uint16 // of an SRV record
}

// answer is what a name stands for. Where exists is false there is no such name.
type answer struct {
	exists  bool
	targets []target
	srv     bool // targets are for SRV questions
}

var noName, emptyName = answer{}, answer{exists: true}

// resolve looks up a name below the cluster domain; labels are those left of
// it, from left to right, in lower case.
func resolve(s Services, domain string, labels []string) answer {
	n := len(labels)
	if n == 0 {
		return emptyName
	}
	switch kind := labels[n-1]; {
	case kind != "svc" && kind != "pod":
		return noName
	case n == 1:
		return emptyName
	case n == 2:
		return answer{exists: s.Namespace(labels[0])}
	case kind == "pod":
		return pod(labels[:n-2])
	}
	namespace, name := labels[n-2], labels[n-3]
	service := s.Service(namespace, name)
	if service == nil {
		return noName
	}
	host := strings.Join([]string{name, namespace, "svc", domain}, ".")
	switch left := labels[:n-3]; {
	case len(left) == 0:
		return whole(s, service)
	case len(left) == 1 && headless(service):
		return endpoint(s, service, left[0])
	case len(left) == 2 && strings.HasPrefix(left[0], "_") && strings.HasPrefix(left[1], "_"):
		return port(s, service, host, left[0][1:], left[1][1:])
	}
	return noName
}

// pod answers a name such as 10-42-0-7 with the address in it, whether or not
// such a pod exists (CoreDNS's "pods insecure", which k3s uses).
func pod(left []string) answer {
	if len(left) != 1 {
		return noName
	}
	ip := net.ParseIP(strings.ReplaceAll(left[0], "-", ".")).To4()
	if ip == nil {
		return noName
	}
	return answer{exists: true, targets: []target{{ip: ip}}}
}

func headless(service *core.Service) bool { return service.Spec.ClusterIP == core.ClusterIPNone }

func whole(s Services, service *core.Service) answer {
	switch {
	case service.Spec.Type == core.ServiceTypeExternalName:
		return answer{exists: true, targets: []target{{name: dns.Fqdn(service.Spec.ExternalName)}}}
	case headless(service):
		found := answer{exists: true}
		each(s, service, func(e discovery.Endpoint, _ *discovery.EndpointSlice) { found.add(e, 0, "") })
		return found
	}
	return answer{exists: true, targets: []target{{ip: net.ParseIP(service.Spec.ClusterIP)}}}
}

// endpoint answers for one endpoint of a headless Service, by its host name.
func endpoint(s Services, service *core.Service, host string) answer {
	found := answer{}
	each(s, service, func(e discovery.Endpoint, _ *discovery.EndpointSlice) {
		if hostname(e) == host {
			found.exists = true
			found.add(e, 0, "")
		}
	})
	return found
}

// port answers for a named port of a Service.
func port(s Services, service *core.Service, host, name, protocol string) answer {
	found := answer{srv: true}
	if !headless(service) {
		for _, p := range service.Spec.Ports {
			if p.Name == name && strings.EqualFold(string(p.Protocol), protocol) {
				found.exists = true
				found.targets = append(found.targets, target{name: dns.Fqdn(host), ip: net.ParseIP(service.Spec.ClusterIP), port: uint16(p.Port)})
			}
		}
		return found
	}
	each(s, service, func(e discovery.Endpoint, slice *discovery.EndpointSlice) {
		for _, p := range slice.Ports {
			if p.Name != nil && *p.Name == name && p.Protocol != nil && p.Port != nil && strings.EqualFold(string(*p.Protocol), protocol) {
				found.exists = true
				found.add(e, uint16(*p.Port), hostname(e)+"."+host+".")
			}
		}
	})
	return found
}

func each(s Services, service *core.Service, do func(discovery.Endpoint, *discovery.EndpointSlice)) {
	for _, slice := range s.Slices(service.Namespace, service.Name) {
		for _, e := range slice.Endpoints {
			// Unknown readiness counts as ready (API reference of EndpointConditions).
			if e.Conditions.Ready == nil || *e.Conditions.Ready || service.Spec.PublishNotReadyAddresses {
				do(e, slice)
			}
		}
	}
}

func hostname(e discovery.Endpoint) string {
	if e.Hostname != nil && *e.Hostname != "" {
		return *e.Hostname
	}
	if len(e.Addresses) > 0 {
		return strings.ReplaceAll(e.Addresses[0], ".", "-")
	}
	return ""
}

func (a *answer) add(e discovery.Endpoint, port uint16, name string) {
	for _, address := range e.Addresses {
		a.targets = append(a.targets, target{ip: net.ParseIP(address), port: port, name: name})
	}
}
