// Package process has what the node does as a process of its own: signals, and
// being process 1.
package process

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Context is cancelled by the first SIGTERM or SIGINT; a second one ends the
// process at once with exit code 1, as in k3s (pkg/signals).
func Context() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	received := make(chan os.Signal, 2)
	signal.Notify(received, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-received
		cancel()
		<-received
		os.Exit(1)
	}()
	return ctx
}
