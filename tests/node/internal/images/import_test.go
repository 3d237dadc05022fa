package images

import (
	"slices"
	"testing"
)

func TestImported(t *testing.T) {
	got := imported("unpacking docker.io/a/b:c (sha256:12)...done\nother\nunpacking x:1 (sha256:34)...done\n")
	if !slices.Equal(got, []string{"docker.io/a/b:c", "x:1"}) {
		t.Errorf("%q", got)
	}
}
