package containerd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLacksSysResource(t *testing.T) {
	for line, want := range map[string]bool{
		"CapBnd:\t000001ffffffffff": false,
		"CapBnd:\t000001fffeffffff": true,
	} {
		path := filepath.Join(t.TempDir(), "status")
		if err := os.WriteFile(path, []byte("Name:\tx\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := lacksSysResource(path)
		if err != nil || got != want {
			t.Errorf("%s: %t, %v", line, got, err)
		}
	}
}

func TestWrite(t *testing.T) {
	c := Config{DataDir: t.TempDir(), Snapshotter: "native"}
	if err := c.Write(); err != nil {
		t.Fatal(err)
	}
	toml, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(toml), PauseImage) || !strings.Contains(string(toml), `snapshotter = "native"`) || strings.Contains(string(toml), "%!") {
		t.Errorf("%s", toml)
	}
	cni, err := os.ReadFile(filepath.Join(c.cniDir(), "10-cbr0.conflist"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(cni) {
		t.Errorf("not JSON: %s", cni)
	}
}
