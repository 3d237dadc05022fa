package images

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func write(t *testing.T, path, content string, at time.Time) fs.FileInfo {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestCurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar")
	at := time.Unix(1_700_000_000, 0)
	info := write(t, path, "one", at)
	sum, err := digest(path)
	if err != nil {
		t.Fatal(err)
	}
	c := cache{path: {Size: info.Size(), ModTime: info.ModTime(), SHA256: sum, Images: []string{"i"}}}
	check := func(what string, info fs.FileInfo, present map[string]bool, want bool) {
		t.Helper()
		got, err := c.current(path, info, present)
		if err != nil || got != want {
			t.Errorf("%s: %t, %v", what, got, err)
		}
	}
	there := map[string]bool{"i": true}
	check("unchanged", info, there, true)
	check("image gone", info, nil, false)
	check("copied anew", write(t, path, "one", at.Add(time.Hour)), there, true)
	check("same length, other content", write(t, path, "two", at), there, false)
	check("other length", write(t, path, "three", at), there, false)
}

func TestArchives(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.tar.gz", "a.tar", "c.TAR.zst", "list.txt", cacheName} {
		write(t, filepath.Join(dir, name), "", time.Now())
	}
	got, err := archives(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = filepath.Base(got[i])
	}
	if !slices.Equal(got, []string{"a.tar", "b.tar.gz", "c.TAR.zst"}) {
		t.Errorf("%q", got)
	}
	if got, err := archives(filepath.Join(dir, "none")); err != nil || got != nil {
		t.Errorf("%q, %v", got, err)
	}
}
