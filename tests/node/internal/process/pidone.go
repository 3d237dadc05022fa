package process

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// IsFirst reports whether this is process 1 of its PID namespace.
func IsFirst() bool { return os.Getpid() == 1 }

// RunAsChild runs the same command line again as a child, passes signals on,
// reaps every process that is handed to process 1 and returns the child's exit
// code. k3s does likewise when it is process 1 (pkg/cli/cmds/init_linux.go).
func RunAsChild() (int, error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGCHLD)
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		return 1, fmt.Errorf("start %s as a child of process 1: %w", os.Args[0], err)
	}
	for s := range signals {
		if s != syscall.SIGCHLD {
			if err := child.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return 1, fmt.Errorf("pass %v on to process %d: %w", s, child.Pid, err)
			}
			continue
		}
		if status, ended := reap(child.Pid); ended {
			return exitCode(status), nil
		}
	}
	return 1, errors.New("the signal channel was closed")
}

// reap collects every process that has ended, and says whether pid was one.
func reap(pid int) (syscall.WaitStatus, bool) {
	var status, wanted syscall.WaitStatus
	ended := false
	for {
		got, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || got <= 0 {
			return wanted, ended
		}
		if got == pid {
			wanted, ended = status, true
		}
	}
}

func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
