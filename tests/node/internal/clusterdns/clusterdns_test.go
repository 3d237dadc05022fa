package clusterdns

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cluster is a fixed set of objects in namespace ns.
type cluster struct{}

func ptr[T any](v T) *T { return &v }

func (cluster) Namespace(name string) bool { return name == "ns" }

func (cluster) Node(name string) net.IP {
	if name == "node1" {
		return net.IPv4(172, 17, 0, 2)
	}
	return nil
}

func (cluster) Service(namespace, name string) *core.Service {
	specs := map[string]core.ServiceSpec{
		"web":      {ClusterIP: "10.43.5.5", Ports: []core.ServicePort{{Name: "http", Protocol: core.ProtocolTCP, Port: 80}}},
		"db":       {ClusterIP: core.ClusterIPNone},
		"external": {Type: core.ServiceTypeExternalName, ExternalName: "web.ns.svc.cluster.local"},
		"loop":     {Type: core.ServiceTypeExternalName, ExternalName: "loop.ns.svc.cluster.local"},
	}
	spec, ok := specs[name]
	if namespace != "ns" || !ok {
		return nil
	}
	return &core.Service{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
}

func (cluster) Slices(_, service string) []*discovery.EndpointSlice {
	if service != "db" {
		return nil
	}
	return []*discovery.EndpointSlice{{
		Endpoints: []discovery.Endpoint{
			{Addresses: []string{"10.42.0.7"}, Hostname: ptr("db-0")},
			{Addresses: []string{"10.42.0.8"}, Conditions: discovery.EndpointConditions{Ready: ptr(true)}},
			{Addresses: []string{"10.42.0.9"}, Hostname: ptr("db-2"), Conditions: discovery.EndpointConditions{Ready: ptr(false)}},
		},
		Ports: []discovery.EndpointPort{{Name: ptr("sql"), Protocol: ptr(core.ProtocolTCP), Port: ptr(int32(5432))}},
	}}
}

func server() *Server {
	return &Server{Domain: "cluster.local", Services: cluster{}, Forward: func(_ context.Context, query *dns.Msg) (*dns.Msg, error) {
		if strings.HasPrefix(query.Question[0].Name, "broken.") {
			return nil, errors.New("no upstream")
		}
		reply := new(dns.Msg).SetReply(query)
		reply.Answer = []dns.RR{address(query.Question[0].Name, net.IPv4(192, 0, 2, 1))}
		return reply, nil
	}}
}

func values(records []dns.RR) []string {
	out := []string{}
	for _, record := range records {
		switch r := record.(type) {
		case *dns.A:
			out = append(out, r.A.String())
		case *dns.CNAME:
			out = append(out, r.Target)
		case *dns.SRV:
			out = append(out, r.Target)
		}
	}
	slices.Sort(out)
	return out
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name  string
		kind  uint16
		rcode int
		want  []string
	}{
		{"web.ns.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.43.5.5"}},
		{"WEB.ns.svc.Cluster.Local.", dns.TypeA, dns.RcodeSuccess, []string{"10.43.5.5"}},
		{"web.ns.svc.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, []string{}},
		{"web.other.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, []string{}},
		{"x.web.ns.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, []string{}},
		{"_http._tcp.web.ns.svc.cluster.local.", dns.TypeSRV, dns.RcodeSuccess, []string{"web.ns.svc.cluster.local."}},
		{"_http._udp.web.ns.svc.cluster.local.", dns.TypeSRV, dns.RcodeNameError, []string{}},
		{"db.ns.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.42.0.7", "10.42.0.8"}},
		{"db-0.db.ns.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.42.0.7"}},
		{"10-42-0-8.db.ns.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.42.0.8"}},
		{"db-2.db.ns.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, []string{}},
		{"_sql._tcp.db.ns.svc.cluster.local.", dns.TypeSRV, dns.RcodeSuccess, []string{"10-42-0-8.db.ns.svc.cluster.local.", "db-0.db.ns.svc.cluster.local."}},
		{"external.ns.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.43.5.5", "web.ns.svc.cluster.local."}},
		{"10-42-0-7.ns.pod.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.42.0.7"}},
		{"nonsense.ns.pod.cluster.local.", dns.TypeA, dns.RcodeNameError, []string{}},
		{"ns.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{}},
		{"svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{}},
		{"cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{}},
		{"no.cluster.local.", dns.TypeA, dns.RcodeNameError, []string{}},
		{"node1.", dns.TypeA, dns.RcodeSuccess, []string{"172.17.0.2"}},
		{"mycluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"192.0.2.1"}},
		{"broken.example.", dns.TypeA, dns.RcodeServerFailure, []string{}},
	} {
		reply := server().reply(context.Background(), new(dns.Msg).SetQuestion(test.name, test.kind))
		if reply.Rcode != test.rcode || !slices.Equal(values(reply.Answer), test.want) {
			t.Errorf("%s %s: %s %q, want %s %q", dns.TypeToString[test.kind], test.name,
				dns.RcodeToString[reply.Rcode], values(reply.Answer), dns.RcodeToString[test.rcode], test.want)
		}
	}
}

func TestAliasesThatNeverEnd(t *testing.T) {
	reply := server().reply(context.Background(), new(dns.Msg).SetQuestion("loop.ns.svc.cluster.local.", dns.TypeA))
	if len(reply.Answer) != maxCNAMEs+1 {
		t.Errorf("%d records", len(reply.Answer))
	}
}

func TestOverTheWire(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := probe.Addr().String()
	probe.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- server().Run(ctx, at, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	for _, network := range []string{"udp", "tcp"} {
		reply, _, err := (&dns.Client{Net: network}).Exchange(new(dns.Msg).SetQuestion("web.ns.svc.cluster.local.", dns.TypeA), at)
		if err != nil || len(reply.Answer) != 1 {
			t.Errorf("%s: %v, %v", network, reply, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestUpstreams(t *testing.T) {
	dir := t.TempDir()
	empty, full := filepath.Join(dir, "empty"), filepath.Join(dir, "full")
	for path, content := range map[string]string{empty: "search x\n", full: "nameserver 192.0.2.1\nnameserver 2001:db8::1\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := upstreams(filepath.Join(dir, "none"), empty, full)
	if err != nil || !slices.Equal(got, []string{"192.0.2.1:53", "[2001:db8::1]:53"}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := upstreams(empty); err == nil {
		t.Error("no error")
	}
}
