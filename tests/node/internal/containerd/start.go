package containerd

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/sirupsen/logrus"

	"openshell.ai/tests/node/internal/child"
)

const pollInterval = 25 * time.Millisecond

// Start starts containerd and waits until it listens. Its shims, and so the
// pods, are no children of the node: they outlive it, as with k3s, and the
// next containerd on the same state directory adopts them.
func (c Config) Start(ctx context.Context, set *child.Set) (*child.Process, error) {
	if err := c.Write(); err != nil {
		return nil, fmt.Errorf("configure containerd: %w", err)
	}
	// A socket that was left behind would look like a containerd that listens.
	if err := os.Remove(Socket); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("remove the socket of an earlier containerd: %w", err)
	}
	output, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open containerd's log: %w", err)
	}
	defer output.Close()

	logrus.Infof("Logging containerd to %s", c.logPath())
	cmd := exec.Command("containerd", "--config", c.path())
	logrus.Infof("Running %s", cmd)
	cmd.Stdout, cmd.Stderr = output, output
	process, err := set.Start("containerd", cmd)
	if err != nil {
		return nil, err
	}
	for {
		conn, err := net.Dial("unix", Socket)
		if err == nil {
			logrus.Info("containerd is now running")
			return process, conn.Close()
		}
		select {
		case <-ctx.Done():
			return process, fmt.Errorf("wait for containerd on %s: %w", Socket, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}
