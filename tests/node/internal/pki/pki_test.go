package pki

import (
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func node() Node {
	return Node{Name: "n1", IP: net.IPv4(172, 17, 0, 2), ServiceIP: net.IPv4(10, 43, 0, 1), SANs: []string{"127.0.0.1", "host.docker.internal"}}
}

func ensure(t *testing.T, dir Dir, node Node, at time.Time) []string {
	t.Helper()
	written, err := Ensure(dir, node, at)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(written)
	return written
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSecondStartWritesNothing(t *testing.T) {
	dir := Dir(t.TempDir())
	if got := ensure(t, dir, node(), now); len(got) != 9 {
		t.Errorf("first start wrote %q", got)
	}
	if got := ensure(t, dir, node(), now.Add(24*time.Hour)); len(got) != 0 {
		t.Errorf("second start wrote %q", got)
	}
}

func TestNewAddressReissuesServingCertificatesOnly(t *testing.T) {
	dir := Dir(t.TempDir())
	ensure(t, dir, node(), now)
	ca, key := read(t, dir.Cert(ServerCA)), read(t, dir.Key(ServingAPIServer))
	moved := node()
	moved.IP = net.IPv4(172, 17, 0, 9)
	if got := ensure(t, dir, moved, now); !slices.Equal(got, []string{ServingAPIServer, ServingKubelet}) {
		t.Errorf("wrote %q", got)
	}
	if read(t, dir.Cert(ServerCA)) != ca || read(t, dir.Key(ServingAPIServer)) != key {
		t.Error("authority or key changed")
	}
	cert, err := readCert(dir.Cert(ServingAPIServer))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"172.17.0.9", "10.43.0.1", "127.0.0.1", "host.docker.internal", "n1", "kubernetes.default.svc"} {
		if err := cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
}

func TestNewNameReissuesKubelet(t *testing.T) {
	dir := Dir(t.TempDir())
	ensure(t, dir, node(), now)
	renamed := node()
	renamed.Name = "n2"
	if got := ensure(t, dir, renamed, now); !slices.Equal(got, []string{ClientKubelet, ServingAPIServer, ServingKubelet}) {
		t.Errorf("wrote %q", got)
	}
}

func TestOrderOfNamesIsNoChange(t *testing.T) {
	dir := Dir(t.TempDir())
	ensure(t, dir, node(), now)
	other := node()
	slices.Reverse(other.SANs)
	if got := ensure(t, dir, other, now); len(got) != 0 {
		t.Errorf("wrote %q", got)
	}
}

func TestExpiringLeavesAreRenewed(t *testing.T) {
	dir := Dir(t.TempDir())
	ensure(t, dir, node(), now)
	if got := ensure(t, dir, node(), now.AddDate(0, 9, 0)); len(got) != 9 {
		t.Errorf("wrote %q", got)
	}
}

func TestAuthorityWithoutKeyIsAnError(t *testing.T) {
	dir := Dir(t.TempDir())
	ensure(t, dir, node(), now)
	if err := os.Remove(dir.Key(ClientCA)); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(dir, node(), now); err == nil {
		t.Error("a second authority was made in silence")
	}
}
