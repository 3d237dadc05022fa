package images

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// open opens an archive and takes the compression off that its name speaks of:
// ctr itself reads plain tar only.
func open(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	plain, err := decompress(file, strings.ToLower(path))
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("decompress %s: %w", path, err)
	}
	return archive{plain, file}, nil
}

func decompress(file io.Reader, name string) (io.Reader, error) {
	switch {
	case strings.HasSuffix(name, ".gz"), strings.HasSuffix(name, ".tgz"):
		return gzip.NewReader(file)
	case strings.HasSuffix(name, ".zst"), strings.HasSuffix(name, ".tzst"):
		return zstd.NewReader(file)
	}
	return file, nil
}

type archive struct {
	io.Reader
	file *os.File
}

// Close closes the file. A zstd reader has goroutines of its own.
func (a archive) Close() error {
	if reader, ok := a.Reader.(*zstd.Decoder); ok {
		reader.Close()
	}
	return a.file.Close()
}
