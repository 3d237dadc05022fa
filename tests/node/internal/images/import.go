package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"openshell.ai/tests/node/internal/child"
	"openshell.ai/tests/node/internal/containerd"
)

// Ctr is containerd's own client, which does the import.
const Ctr = "/usr/libexec/k3s/ctr"

// Bundled holds the archives of the node image itself: the pause image.
const Bundled = "/usr/share/k3s/images"

// Importer imports archives.
type Importer struct {
	Starter *child.Starter
	DataDir string
}

// Import imports the archives of the node image and of agent/images that
// containerd doesn't have yet. An archive that can't be imported is logged and
// skipped, as by k3s: pods of other images must run all the same.
func (i Importer) Import(ctx context.Context) error {
	dir := filepath.Join(i.DataDir, "agent/images")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var paths []string
	for _, d := range []string{Bundled, dir} {
		found, err := archives(d)
		if err != nil {
			return fmt.Errorf("list image archives: %w", err)
		}
		paths = append(paths, found...)
	}
	cachePath := filepath.Join(dir, cacheName)
	known := loadCache(cachePath)
	before, err := i.list(ctx)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := i.one(ctx, path, known, before); err != nil {
			logrus.Errorf("Error encountered while importing %s: %v", path, err)
		}
	}
	if err := known.save(cachePath); err != nil {
		return fmt.Errorf("remember imported images: %w", err)
	}
	return nil
}

func (i Importer) one(ctx context.Context, path string, known cache, present map[string]bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	current, err := known.current(path, info, present)
	if err != nil || current {
		return err
	}
	start := time.Now()
	logrus.Infof("Importing images from %s", path)
	sum, err := digest(path)
	if err != nil {
		return err
	}
	archive, err := open(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	out, err := i.ctr(ctx, archive, "images", "import", "--local", "-")
	if err != nil {
		return err
	}
	names := imported(out)
	if len(names) == 0 {
		return errors.New("the archive brought no image")
	}
	// The kubelet's garbage collector leaves pinned images alone; k3s pins what
	// it imports for the same reason.
	for _, name := range names {
		if _, err := i.ctr(ctx, nil, "images", "label", name, "io.cri-containerd.pinned=pinned"); err != nil {
			return err
		}
		present[name] = true
	}
	known[path] = entry{Size: info.Size(), ModTime: info.ModTime(), SHA256: sum, Images: names}
	logrus.Infof("Imported images from %s in %s", path, time.Since(start).Round(time.Millisecond))
	return nil
}

// imported finds the names in ctr's lines `unpacking NAME (DIGEST)...done`.
func imported(output string) []string {
	var names []string
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) >= 3 && fields[0] == "unpacking" {
			names = append(names, fields[1])
		}
	}
	return names
}

func (i Importer) list(ctx context.Context) (map[string]bool, error) {
	out, err := i.ctr(ctx, nil, "images", "list", "--quiet")
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range strings.Fields(out) {
		names[name] = true
	}
	return names, nil
}

func (i Importer) ctr(ctx context.Context, input io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, Ctr, append([]string{"--address", containerd.Socket, "--namespace", containerd.Namespace}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &stdout, &stderr
	if err := i.Starter.Run(cmd); err != nil {
		return "", fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
