package clusterdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

const upstreamTimeout = 2 * time.Second

// Fallback is asked where the node's own list has no name server.
const Fallback = "/etc/resolv.conf"

// Forwarder returns a function that asks the name servers in a resolv.conf. The
// file is read for each query: it may be written after the node was started.
func Forwarder(path string) func(context.Context, *dns.Msg) (*dns.Msg, error) {
	return func(ctx context.Context, query *dns.Msg) (*dns.Msg, error) {
		servers, err := upstreams(path, Fallback)
		if err != nil {
			return nil, err
		}
		var failures []error
		for _, server := range servers {
			reply, err := ask(ctx, query, server)
			if err == nil {
				return reply, nil
			}
			failures = append(failures, err)
		}
		return nil, errors.Join(failures...)
	}
}

// upstreams returns host:port of the name servers of the first file that has any.
func upstreams(paths ...string) ([]string, error) {
	var failures []error
	for _, path := range paths {
		config, err := dns.ClientConfigFromFile(path)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if len(config.Servers) == 0 {
			failures = append(failures, fmt.Errorf("%s names no name server", path))
			continue
		}
		servers := make([]string, len(config.Servers))
		for i, server := range config.Servers {
			servers[i] = net.JoinHostPort(server, config.Port)
		}
		return servers, nil
	}
	return nil, errors.Join(failures...)
}

func ask(ctx context.Context, query *dns.Msg, server string) (*dns.Msg, error) {
	client := &dns.Client{Net: "udp", Timeout: upstreamTimeout, UDPSize: dns.DefaultMsgSize}
	reply, _, err := client.ExchangeContext(ctx, query, server)
	if err == nil && reply.Truncated {
		client.Net = "tcp"
		reply, _, err = client.ExchangeContext(ctx, query, server)
	}
	return reply, err
}
