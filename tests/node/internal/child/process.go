package child

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
)

// Process is a child that is meant to live as long as the node.
type Process struct {
	Name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Set is the processes of a node.
type Set struct {
	starter *Starter

	mu       sync.Mutex
	stopping bool
	ended    chan error
}

// NewSet returns an empty set.
func NewSet(starter *Starter) *Set {
	return &Set{starter: starter, ended: make(chan error, 1)}
}

// Ended delivers the first process that ended before [Set.Stop].
func (s *Set) Ended() <-chan error { return s.ended }

// Start starts a process of that name.
func (s *Set) Start(name string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: name, cmd: cmd, done: make(chan struct{})}
	if err := s.starter.Start(cmd); err != nil {
		return nil, fmt.Errorf("start %s (%s): %w", name, cmd.Path, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.stopping {
			return
		}
		select {
		case s.ended <- fmt.Errorf("%s exited: %v", name, describe(p.err)):
		default: // one reason is enough
		}
	}()
	return p, nil
}

// Stopping says that processes end on purpose from now on.
func (s *Set) Stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
}

// Stop asks the processes to end, waits for at most grace and kills those that
// are left. Nil processes are skipped.
func Stop(grace time.Duration, processes ...*Process) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, p := range processes {
		p.signal(syscall.SIGTERM)
	}
	for _, p := range processes {
		p.wait(ctx)
	}
}

func (p *Process) signal(sig syscall.Signal) {
	if p == nil {
		return
	}
	select {
	case <-p.done:
	default:
		// The process may end in between; Signal then reports that and no harm is done.
		_ = p.cmd.Process.Signal(sig)
	}
}

func (p *Process) wait(ctx context.Context) {
	if p == nil {
		return
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		logrus.Infof("%s has used up its time to stop, killing it", p.Name)
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

func describe(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
