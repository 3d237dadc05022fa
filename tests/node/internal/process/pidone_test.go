package process

import (
	"os/exec"
	"syscall"
	"testing"
)

func TestExitCode(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 143} {
		cmd := exec.Command("sh", "-c", script)
		err := cmd.Run()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok {
			t.Fatalf("%s: %v", script, err)
		}
		if got := exitCode(status); got != want {
			t.Errorf("%s: %d, want %d", script, got, want)
		}
	}
}
