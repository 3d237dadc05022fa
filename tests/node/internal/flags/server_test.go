package flags

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func parse(t *testing.T, args ...string) *Server {
	t.Helper()
	s, err := ParseServer(args, "Host", &bytes.Buffer{})
	if err != nil {
		t.Fatalf("ParseServer(%q): %v", args, err)
	}
	return s
}

func TestDefaults(t *testing.T) {
	s := parse(t)
	if s.DataDir != DefaultDataDir || s.NodeName != "host" || s.NodeIP != nil || s.KubeconfigMode != 0o600 {
		t.Errorf("got %+v", s)
	}
}

func TestSnapshotter(t *testing.T) {
	if s := parse(t, "--snapshotter=native"); s.Snapshotter != "native" {
		t.Errorf("got %+v", s)
	}
	if _, err := ParseServer([]string{"--snapshotter=zfs"}, "Host", &bytes.Buffer{}); err == nil {
		t.Error("zfs was accepted")
	}
}

func TestBothSpellings(t *testing.T) {
	for _, args := range [][]string{
		{"--node-name=n", "--tls-san=127.0.0.1", "--tls-san=localhost", "--kubelet-arg=resolv-conf=/r"},
		{"--node-name", "n", "--tls-san", "127.0.0.1,localhost", "--kubelet-arg", "resolv-conf=/r"},
	} {
		s := parse(t, args...)
		if s.NodeName != "n" || !slices.Equal(s.TLSSANs, []string{"127.0.0.1", "localhost"}) || !slices.Equal(s.KubeletArgs, []string{"resolv-conf=/r"}) {
			t.Errorf("%q gave %+v", args, s)
		}
	}
}

func TestWhatTheGatewayPasses(t *testing.T) {
	s := parse(t, "--disable=traefik", "--disable-helm-controller", "--node-name=openshell-x",
		"--tls-san=127.0.0.1", "--tls-san=localhost", "--tls-san=host.docker.internal",
		"--kubelet-arg=resolv-conf=/etc/rancher/k3s/resolv.conf", "--kubelet-arg=fail-cgroupv1=false", "--disable-network-policy")
	if want := []string{"disable-helm-controller"}; !slices.Equal(s.Ignored, want) {
		t.Errorf("ignored %q, want %q", s.Ignored, want)
	}
	if !s.DisableNetworkPolicy {
		t.Error("--disable-network-policy has no effect")
	}
	if !s.Disabled(Traefik) || s.Disabled(LocalStorage) {
		t.Errorf("disabled: %q", s.Disable)
	}
}

func TestKubeletArgsKeepCommas(t *testing.T) {
	s := parse(t, "--kubelet-arg=eviction-hard=a<1%,b<1%")
	if !slices.Equal(s.KubeletArgs, []string{"eviction-hard=a<1%,b<1%"}) {
		t.Errorf("got %q", s.KubeletArgs)
	}
}

func TestRefused(t *testing.T) {
	for arg, want := range map[string]string{
		"--resolv-conf=/etc/resolv.conf": "flag provided but not defined: -resolv-conf",
		"--no-such-flag":                 "flag provided but not defined: -no-such-flag",
		"--node-ip=fe80::1":              "no IPv4 address",
		"--write-kubeconfig-mode=9":      "no octal file mode",
		"--disable=treafik":              "names no packaged component",
		"--tls-san=":                     "the value is empty",
		"stray":                          "unexpected argument",
	} {
		_, err := ParseServer([]string{arg}, "h", &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", arg, err, want)
		}
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	_, err := ParseServer([]string{"--help"}, "h", &out)
	if !errors.Is(err, ErrHelp) || !strings.Contains(out.String(), "-kubelet-arg") {
		t.Errorf("got %v and %q", err, out.String())
	}
}
