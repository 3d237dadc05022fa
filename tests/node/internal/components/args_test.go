package components

import (
	"net"
	"os"
	"strings"
	"testing"
)

func testNode(t *testing.T) Node {
	return Node{Name: "n1", IP: net.IPv4(172, 17, 0, 2), DataDir: t.TempDir(), Datastore: "unix:///k", Containerd: "/c.sock"}
}

func TestExtraArgumentsComeLast(t *testing.T) {
	n := testNode(t)
	for name, args := range map[string][]string{
		APIServer:         n.APIServerArgs([]string{"v=4"}),
		ControllerManager: n.ControllerManagerArgs([]string{"v=4"}),
		Scheduler:         n.SchedulerArgs([]string{"v=4"}),
		Kubelet:           n.KubeletArgs([]string{"v=4"}),
		KubeProxy:         n.KubeProxyArgs([]string{"v=4"}),
	} {
		if args[len(args)-1] != "--v=4" {
			t.Errorf("%s: %q", name, args)
		}
	}
}

func TestKubeletConfigLeavesCgroupVersionAlone(t *testing.T) {
	n := testNode(t)
	if err := n.WriteKubeletConfig(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(n.KubeletConfig())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "failCgroupV1") {
		t.Error("failCgroupV1 is set")
	}
	for _, want := range []string{`clusterDNS: ["10.43.0.10"]`, `containerRuntimeEndpoint: "unix:///c.sock"`, `nodefs.available: "5%"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
}

func TestResolvConf(t *testing.T) {
	if got := ResolvConf(nil); got != "/etc/resolv.conf" {
		t.Error(got)
	}
	if got := ResolvConf([]string{"resolv-conf=/a", "v=1", "resolv-conf=/b"}); got != "/b" {
		t.Error(got)
	}
}
