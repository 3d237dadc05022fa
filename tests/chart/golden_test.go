package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestGolden compares each render with the file in golden/, which a change of
// the chart has to change too, so that a review shows what pods will see.
// UPDATE_GOLDEN=1 rewrites the files.
func TestGolden(t *testing.T) {
	forEachCase(t, func(t *testing.T, name, values string) {
		got := render(t, values, nil)
		golden := filepath.Join("golden", name+".yaml")
		if os.Getenv("UPDATE_GOLDEN") == "1" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		diff := exec.Command("diff", "-u", golden, "-")
		diff.Stdin = strings.NewReader(got)
		if out, err := diff.CombinedOutput(); err != nil {
			t.Errorf("the render differs from %s (UPDATE_GOLDEN=1 accepts it):\n%s", golden, out)
		}
	})
}

// TestGoldenHasNoStrays finds golden files whose values are gone.
func TestGoldenHasNoStrays(t *testing.T) {
	files, err := filepath.Glob("golden/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, err := os.Stat(filepath.Join("values", filepath.Base(file))); err != nil {
			t.Errorf("%s belongs to no values file: %v", file, err)
		}
	}
}

// TestJSONOnStdin renders the same values the way openshell-init passes them.
// Helm then reads all numbers as floats, which careless templates print as 1e+06.
func TestJSONOnStdin(t *testing.T) {
	forEachCase(t, func(t *testing.T, _, values string) {
		text, err := os.ReadFile(values)
		if err != nil {
			t.Fatal(err)
		}
		json, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		fromFile, fromJSON := render(t, values, nil), render(t, "-", json)
		if fromFile != fromJSON {
			t.Errorf("JSON on stdin renders differently:\n%s", fromJSON)
		}
	})
}
