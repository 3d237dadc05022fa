// Package flags parses the command line of `k3s server`.
//
// Names and meanings are those of https://docs.k3s.io/cli/server. A flag that
// the node can't honour, and that would change what a test sees, is unknown
// here; a flag without an effect on a single test node is accepted and named
// in [Server.Ignored].
package flags

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// DefaultDataDir is k3s's default for --data-dir.
const DefaultDataDir = "/var/lib/rancher/k3s"

// Packaged components that --disable may name (docs.k3s.io/installation/packaged-components).
const (
	CoreDNS       = "coredns"
	LocalStorage  = "local-storage"
	MetricsServer = "metrics-server"
	Runtimes      = "runtimes"
	ServiceLB     = "servicelb"
	Traefik       = "traefik"
)

// Those of containerd that need no program beside it.
var snapshotters = []string{"overlayfs", "native"}

var packaged = []string{CoreDNS, LocalStorage, MetricsServer, Runtimes, ServiceLB, Traefik}

// ErrHelp says that --help was asked for and the usage has been written.
var ErrHelp = flag.ErrHelp

// Server is what `k3s server` was told.
type Server struct {
	DataDir        string      // state; survives the container when it is a volume
	NodeName       string      // defaults to the host name, in lower case
	NodeIP         net.IP      // nil: the address of the default route's interface
	TLSSANs        []string    // further names and addresses of the API server's certificate
	KubeconfigMode os.FileMode // of /etc/rancher/k3s/k3s.yaml
	Disable        []string    // packaged components that are left out
	NodeLabels     []string    // key=value
	Snapshotter    string      // what stacks images: overlayfs or native

	APIServerArgs         []string // each "name=value", passed on as --name=value
	ControllerManagerArgs []string
	SchedulerArgs         []string
	KubeletArgs           []string
	KubeProxyArgs         []string

	DisableNetworkPolicy bool // NetworkPolicy objects are not enforced

	Ignored []string // flags that were given and have no effect here, without dashes
}

// Disabled reports whether a packaged component is left out.
func (s *Server) Disabled(component string) bool { return slices.Contains(s.Disable, component) }

// ParseServer parses the arguments that follow `k3s server`. Usage and errors
// are written to out in the words that k3s's own parser uses.
func ParseServer(args []string, hostname string, out io.Writer) (*Server, error) {
	s := &Server{}
	set := flag.NewFlagSet("k3s server", flag.ContinueOnError)
	set.SetOutput(out)

	var nodeIPs, modes []string
	set.StringVar(&s.DataDir, "data-dir", DefaultDataDir, "folder to hold state")
	set.StringVar(&s.DataDir, "d", DefaultDataDir, "folder to hold state (short form)")
	set.StringVar(&s.NodeName, "node-name", strings.ToLower(hostname), "node name")
	set.Var(list{&nodeIPs, true}, "node-ip", "IPv4 address to advertise for the node")
	set.Var(list{&s.TLSSANs, true}, "tls-san", "further host name or IPv4/IPv6 address of the server certificate")
	set.Var(list{&modes, false}, "write-kubeconfig-mode", "octal mode of the kubeconfig")
	set.Var(list{&s.Disable, true}, "disable", "packaged component to leave out: "+strings.Join(packaged, ", "))
	set.StringVar(&s.Snapshotter, "snapshotter", snapshotters[0], "containerd's snapshotter: "+strings.Join(snapshotters, ", "))
	set.Var(list{&s.NodeLabels, true}, "node-label", "label of the node, key=value")
	set.Var(list{&s.APIServerArgs, false}, "kube-apiserver-arg", "flag for kube-apiserver, name=value")
	set.Var(list{&s.ControllerManagerArgs, false}, "kube-controller-manager-arg", "flag for kube-controller-manager, name=value")
	set.Var(list{&s.SchedulerArgs, false}, "kube-scheduler-arg", "flag for kube-scheduler, name=value")
	set.Var(list{&s.KubeletArgs, false}, "kubelet-arg", "flag for the kubelet, name=value")
	set.Var(list{&s.KubeProxyArgs, false}, "kube-proxy-arg", "flag for kube-proxy, name=value")
	set.BoolVar(&s.DisableNetworkPolicy, "disable-network-policy", false, "leave the network policy controller out")
	for _, name := range noEffect {
		set.Var(&ignored{into: &s.Ignored, name: name}, name, "accepted, no effect on the test node")
	}

	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q after the flags of k3s server", set.Arg(0))
	}
	return s, s.complete(nodeIPs, modes)
}

// Switches of k3s for parts that the test node doesn't have.
var noEffect = []string{
	"debug",                    // one log level only
	"disable-cloud-controller", // there is none
	"disable-helm-controller",  // there is none
}

func (s *Server) complete(nodeIPs, modes []string) error {
	if s.NodeName == "" {
		return errors.New("--node-name is empty and the host has no name; give --node-name=NAME")
	}
	if len(nodeIPs) > 0 {
		if s.NodeIP = net.ParseIP(nodeIPs[0]).To4(); s.NodeIP == nil {
			return fmt.Errorf("--node-ip=%s is no IPv4 address", nodeIPs[0])
		}
	}
	if !slices.Contains(snapshotters, s.Snapshotter) {
		return fmt.Errorf("--snapshotter=%s is none of %s", s.Snapshotter, strings.Join(snapshotters, ", "))
	}
	s.KubeconfigMode = 0o600
	if len(modes) > 0 {
		mode, err := strconv.ParseUint(modes[len(modes)-1], 8, 9)
		if err != nil {
			return fmt.Errorf("--write-kubeconfig-mode=%s is no octal file mode such as 0600", modes[len(modes)-1])
		}
		s.KubeconfigMode = os.FileMode(mode)
	}
	for _, name := range s.Disable {
		if !slices.Contains(packaged, name) {
			return fmt.Errorf("--disable=%s names no packaged component; known: %s", name, strings.Join(packaged, ", "))
		}
	}
	return nil
}

// list collects the values of a flag that may be repeated.
type list struct {
	into   *[]string
	commas bool // one value may hold several, as in k3s's StringSlice flags
}

func (l list) String() string { return "" }

func (l list) Set(value string) error {
	values := []string{value}
	if l.commas {
		values = strings.Split(value, ",")
	}
	for _, v := range values {
		if v = strings.TrimSpace(v); v == "" {
			return errors.New("the value is empty")
		}
		*l.into = append(*l.into, v)
	}
	return nil
}

// ignored is a switch that is noted and has no effect.
type ignored struct {
	into *[]string
	name string
}

func (i *ignored) String() string   { return "" }
func (i *ignored) IsBoolFlag() bool { return true }

func (i *ignored) Set(value string) error {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", value)
	}
	if on {
		*i.into = append(*i.into, i.name)
	}
	return nil
}
