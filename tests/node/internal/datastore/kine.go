// Package datastore runs kine: the etcd API in front of SQLite, as in k3s.
package datastore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/endpoint"
)

// Kine is a running datastore.
type Kine struct {
	// Endpoint is the address for the API server.
	Endpoint string
	group    *sync.WaitGroup
}

// Start opens the database under dataDir/server/db and serves it until ctx ends.
func Start(ctx context.Context, dataDir string) (*Kine, error) {
	dir := filepath.Join(dataDir, "server/db")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	kine := &Kine{group: &sync.WaitGroup{}}
	// The DSN and the intervals are kine's own defaults (drivers/sqlite and
	// app), which it doesn't apply to those who embed it.
	etcd, err := endpoint.Listen(ctx, endpoint.Config{
		WaitGroup:           kine.group,
		Listener:            "unix://" + filepath.Join(dataDir, "server/kine.sock"),
		Endpoint:            "sqlite://" + filepath.Join(dir, "state.db") + "?_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate",
		NotifyInterval:      5 * time.Second,
		CompactInterval:     5 * time.Minute,
		CompactTimeout:      5 * time.Second,
		CompactMinRetain:    1000,
		CompactBatchSize:    1000,
		PollBatchSize:       500,
		EmulatedETCDVersion: "3.5.13",
	})
	if err != nil {
		return nil, fmt.Errorf("open the datastore %s: %w", dir, err)
	}
	kine.Endpoint = etcd.Endpoints[0]
	return kine, nil
}

// Wait returns when the database is closed after the end of the context, or
// after a limit.
func (k *Kine) Wait(limit time.Duration) bool {
	closed := make(chan struct{})
	go func() {
		k.group.Wait()
		close(closed)
	}()
	select {
	case <-closed:
		return true
	case <-time.After(limit):
		return false
	}
}
