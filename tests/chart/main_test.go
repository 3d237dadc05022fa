// Package chart tests helm/openshell with the Helm binary that the image ships.
//
// Every file in values/ is one case: it is linted, rendered, compared with
// golden/, and decoded as strictly as an API server would. Run it by ./run.
package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

const (
	chartDir = "../../helm/openshell"
	// The names that openshell-init gives the release and its namespace.
	release   = "openshell"
	namespace = "openshell"
)

// Counted for the closing line, so that a filtered or empty run shows.
var renders, negatives atomic.Int32

func TestMain(m *testing.M) {
	if helm == "" {
		fmt.Fprintln(os.Stderr, "chart: HELM is not set: run tests/chart/run, or set it to a Helm 3 binary")
		os.Exit(2)
	}
	code := m.Run()
	if code == 0 {
		fmt.Printf("chart: %d renders, %d negative cases, ok\n", renders.Load(), negatives.Load())
	}
	os.Exit(code)
}

// forEachCase runs test once for each file in values/, with the file's name
// (without extension) and path.
func forEachCase(t *testing.T, test func(t *testing.T, name, values string)) {
	t.Helper()
	files, err := filepath.Glob("values/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no files in values/: nothing would be tested")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name, file)
		})
	}
}
