// Package images imports image archives into containerd.
package images

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cacheName is the file that remembers what has been imported. k3s keeps one of
// that name in the same directory (pkg/agent/containerd/containerd.go).
const cacheName = ".cache.json"

// entry is what is known of an imported archive.
type entry struct {
	Size    int64     `json:"size"`
	ModTime time.Time `json:"modTime"`
	SHA256  string    `json:"sha256"`
	Images  []string  `json:"images"` // names that the archive brought
}

// cache maps archives, by absolute path, to what they brought.
type cache map[string]entry

// loadCache reads a cache; one that can't be understood counts as empty, since
// the price is an import that wasn't needed.
func loadCache(path string) cache {
	data, err := os.ReadFile(path)
	c := cache{}
	if err != nil || json.Unmarshal(data, &c) != nil {
		return cache{}
	}
	return c
}

func (c cache) save(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// current decides whether the archive at path needs no import: its content is
// what was imported, and every image that it brought is still there. A copy
// with a new time stamp is recognized by its digest.
func (c cache) current(path string, info fs.FileInfo, present map[string]bool) (bool, error) {
	e, ok := c[path]
	if !ok || e.Size != info.Size() || len(e.Images) == 0 {
		return false, nil
	}
	for _, image := range e.Images {
		if !present[image] {
			return false, nil
		}
	}
	if e.ModTime.Equal(info.ModTime()) {
		return true, nil
	}
	sum, err := digest(path)
	if err != nil {
		return false, err
	}
	if sum != e.SHA256 {
		return false, nil
	}
	e.ModTime = info.ModTime()
	c[path] = e
	return true, nil
}

func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// archives lists the image archives of a directory in the order of their names.
// A directory that isn't there has none.
func archives(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"} {
			if strings.HasSuffix(strings.ToLower(e.Name()), suffix) && !e.IsDir() {
				paths = append(paths, filepath.Join(dir, e.Name()))
				break
			}
		}
	}
	return paths, nil
}
