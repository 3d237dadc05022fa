// Package child runs the node's processes: each dies with the node, however
// the node dies, and the node notices when one ends by itself.
package child

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Starter starts processes that the kernel kills when the node is gone, so
// that nothing holds a port or a lock when the node is started again. k3s does
// the same for containerd (pkg/agent/containerd/command_linux.go), and its
// other components are threads of its own.
//
// The kernel sends the parent-death signal when the *thread* that forked ends,
// and Go ends threads as it likes; all forks are therefore made by one thread
// that never ends.
type Starter struct{ requests chan request }

type request struct {
	cmd  *exec.Cmd
	done chan error
}

// NewStarter starts the forking thread. It lives as long as the process.
func NewStarter() *Starter {
	s := &Starter{requests: make(chan request)}
	go func() {
		runtime.LockOSThread()
		for r := range s.requests {
			r.done <- r.cmd.Start()
		}
	}()
	return s
}

// Start is cmd.Start, bound to the life of the node.
func (s *Starter) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// A terminal's ^C must reach the node alone, which stops the others in order.
	cmd.SysProcAttr.Setpgid = true
	r := request{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.done
}

// Run starts a command and waits for it.
func (s *Starter) Run(cmd *exec.Cmd) error {
	if err := s.Start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}
