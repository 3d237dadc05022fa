package clusterdns

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
	"github.com/sirupsen/logrus"
)

const (
	ttl         = 5 // seconds, CoreDNS's default for the cluster domain
	maxCNAMEs   = 8
	maxUDPBytes = 1232 // DNS flag day 2020
)

// Server answers queries. Its fields are set before [Server.Run].
type Server struct {
	Domain   string // without dots at the ends
	Services Services
	Forward  func(ctx context.Context, query *dns.Msg) (*dns.Msg, error)
}

// Run serves UDP and TCP on address until ctx ends. It listens once it has
// called ready.
func (s *Server) Run(ctx context.Context, address string, ready func()) error {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return fmt.Errorf("cluster DNS: %w", err)
	}
	streams, err := net.Listen("tcp", address)
	if err != nil {
		packets.Close()
		return fmt.Errorf("cluster DNS: %w", err)
	}
	ended := make(chan error, 2)
	servers := []*dns.Server{{PacketConn: packets, Handler: s}, {Listener: streams, Handler: s}}
	for _, server := range servers {
		go func() { ended <- server.ActivateAndServe() }()
	}
	ready()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
		err = fmt.Errorf("cluster DNS: %w", err)
	}
	packets.Close()
	streams.Close()
	return err
}

// ServeDNS implements [dns.Handler].
func (s *Server) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := s.reply(context.Background(), query)
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		reply.Truncate(udpLimit(query))
	}
	if err := w.WriteMsg(reply); err != nil {
		logrus.Debugf("cluster DNS: answer %s: %v", w.RemoteAddr(), err)
	}
}

func udpLimit(query *dns.Msg) int {
	if edns := query.IsEdns0(); edns != nil {
		return max(dns.MinMsgSize, min(int(edns.UDPSize()), maxUDPBytes))
	}
	return dns.MinMsgSize
}

func (s *Server) reply(ctx context.Context, query *dns.Msg) *dns.Msg {
	if len(query.Question) != 1 || query.Opcode != dns.OpcodeQuery {
		return new(dns.Msg).SetRcode(query, dns.RcodeNotImplemented)
	}
	question := query.Question[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name, "."))
	below, inDomain := strings.CutSuffix("."+name, "."+s.Domain)
	if inDomain {
		return s.local(ctx, query, dns.SplitDomainName(strings.TrimPrefix(below, ".")))
	}
	if ip := s.Services.Node(name); ip != nil {
		reply := authoritative(query)
		if question.Qtype == dns.TypeA {
			reply.Answer = []dns.RR{address(question.Name, ip)}
		}
		return reply
	}
	reply, err := s.Forward(ctx, query)
	if err != nil {
		logrus.Warnf("cluster DNS: forward %s: %v", question.Name, err)
		return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
	}
	return reply
}

// local answers for a name in the cluster domain.
func (s *Server) local(ctx context.Context, query *dns.Msg, labels []string) *dns.Msg {
	reply, question := authoritative(query), query.Question[0]
	found := resolve(s.Services, s.Domain, labels)
	for _, t := range found.targets {
		header := dns.RR_Header{Name: question.Name, Class: dns.ClassINET, Ttl: ttl}
		switch {
		case found.srv && question.Qtype == dns.TypeSRV:
			header.Rrtype = dns.TypeSRV
			reply.Answer = append(reply.Answer, &dns.SRV{Hdr: header, Weight: 100, Port: t.port, Target: t.name})
			if t.ip.To4() != nil {
				reply.Extra = append(reply.Extra, address(t.name, t.ip))
			}
		case found.srv:
		case t.name != "" && (question.Qtype == dns.TypeA || question.Qtype == dns.TypeAAAA || question.Qtype == dns.TypeCNAME):
			header.Rrtype = dns.TypeCNAME
			reply.Answer = append(reply.Answer, &dns.CNAME{Hdr: header, Target: t.name})
			if question.Qtype != dns.TypeCNAME {
				reply.Answer = append(reply.Answer, s.follow(ctx, t.name, question.Qtype)...)
			}
		case question.Qtype == dns.TypeA && t.ip.To4() != nil:
			reply.Answer = append(reply.Answer, address(question.Name, t.ip))
		}
	}
	if !found.exists {
		reply.Rcode = dns.RcodeNameError
	}
	if len(reply.Answer) == 0 {
		reply.Ns = []dns.RR{s.authority()}
	}
	return reply
}

// follow asks for the target of an alias, wherever it lies.
func (s *Server) follow(ctx context.Context, name string, kind uint16) []dns.RR {
	depth, _ := ctx.Value(aliasDepth{}).(int)
	if depth >= maxCNAMEs {
		return nil
	}
	query := new(dns.Msg).SetQuestion(name, kind)
	return s.reply(context.WithValue(ctx, aliasDepth{}, depth+1), query).Answer
}

type aliasDepth struct{}

func authoritative(query *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(query)
	reply.Authoritative, reply.RecursionAvailable = true, true
	return reply
}

func address(name string, ip net.IP) dns.RR {
	return &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: ip.To4()}
}

// authority tells a client for how long a negative answer holds.
func (s *Server) authority() dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: s.Domain + ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl},
		Ns:  "ns.dns." + s.Domain + ".", Mbox: "hostmaster." + s.Domain + ".",
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttl,
	}
}
