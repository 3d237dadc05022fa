package images

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestOpenTakesCompressionOff(t *testing.T) {
	var zipped, zstandard bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	zs, err := zstd.NewWriter(&zstandard)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gz, zs} {
		if _, err := w.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string][]byte{
		"a.tar": []byte("content"), "a.tar.gz": zipped.Bytes(), "a.TGZ": zipped.Bytes(), "a.tar.zst": zstandard.Bytes(),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		reader, err := open(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(reader)
		if err != nil || string(got) != "content" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := reader.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
