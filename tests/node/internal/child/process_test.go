package child

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestUnexpectedEndIsReported(t *testing.T) {
	set := NewSet(NewStarter())
	if _, err := set.Start("kubelet", exec.Command("sh", "-c", "exit 3")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-set.Ended():
		if !strings.Contains(err.Error(), "kubelet exited: exit status 3") {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the end was not reported")
	}
}

func TestStopKillsTheDeaf(t *testing.T) {
	set := NewSet(NewStarter())
	// The shell is deaf once it has said so.
	cmd := exec.Command("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Start("deaf", cmd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	set.Stopping()
	Stop(50*time.Millisecond, nil, p)
	select {
	case <-p.done:
	default:
		t.Error("still running")
	}
	select {
	case err := <-set.Ended():
		t.Errorf("a wanted end was reported: %v", err)
	default:
	}
}

func TestMissingProgramIsAnError(t *testing.T) {
	if _, err := NewSet(NewStarter()).Start("x", exec.Command("/no/such/program")); err == nil {
		t.Error("no error")
	}
}
