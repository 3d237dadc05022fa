package chart

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// A row of the values table: | `key` | `default` | meaning |.
var readmeRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]*)` \\| .+ \\|$")

// TestReadme compares the values table of the chart's README with values.yaml:
// the same keys with the same defaults, each once.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(chartDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(defaults, &tree); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	flatten(t, "", tree, want)

	got := map[string]string{}
	_, table, found := strings.Cut(string(readme), "\n## Values\n")
	if !found {
		t.Fatal("README.md has no section Values")
	}
	for _, row := range readmeRow.FindAllStringSubmatch(table, -1) {
		if _, twice := got[row[1]]; twice {
			t.Errorf("README.md describes %s twice", row[1])
		}
		got[row[1]] = row[2]
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		value, described := got[key]
		if !described {
			t.Errorf("README.md lacks a row for %s (default `%s`)", key, want[key])
		} else if value != want[key] {
			t.Errorf("README.md gives %s the default `%s`, values.yaml `%s`", key, value, want[key])
		}
	}
	for key := range got {
		if _, exists := want[key]; !exists {
			t.Errorf("README.md describes %s, which values.yaml lacks", key)
		}
	}
}

// flatten writes each leaf of tree (empty maps and all lists are leaves) to into,
// by its dotted key. Strings stay as they are, unless empty; the rest is JSON.
func flatten(t *testing.T, prefix string, tree map[string]any, into map[string]string) {
	t.Helper()
	for key, value := range tree {
		switch value := value.(type) {
		case map[string]any:
			if len(value) > 0 {
				flatten(t, prefix+key+".", value, into)
				continue
			}
		case string:
			if value != "" {
				into[prefix+key] = value
				continue
			}
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		into[prefix+key] = string(text)
	}
}
