package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRegistriesReachContainerd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "registries.yaml")
	text := `{"mirrors":{"r.example":{"endpoint":["http://host:5000"]}},
	  "configs":{"host:5000":{"auth":{"username":"u","password":"p'\":#\\ x"}}}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := readRegistries(path)
	if err != nil {
		t.Fatal(err)
	}
	toml := read.configuration("/certs")
	for _, want := range []string{
		`registry.configs."host:5000".auth]`, `username = "u"`, `password = "p'\":#\\ x"`, `config_path = "/certs"`,
	} {
		if !strings.Contains(toml, want) {
			t.Errorf("no %s in %s", want, toml)
		}
	}
	certs := filepath.Join(dir, "certs")
	if err := os.MkdirAll(filepath.Join(certs, "gone.example"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := read.writeHosts(certs); err != nil {
		t.Fatal(err)
	}
	hosts, err := os.ReadFile(filepath.Join(certs, "r.example", "hosts.toml"))
	if err != nil || !strings.Contains(string(hosts), `[host."http://host:5000/v2"]`) {
		t.Errorf("%v %s", err, hosts)
	}
	if _, err := os.Stat(filepath.Join(certs, "gone.example")); !os.IsNotExist(err) {
		t.Errorf("a mirror of before is still there: %v", err)
	}
}

func TestRegistriesThatAreNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.yaml")
	if _, err := readRegistries(path); err != nil {
		t.Errorf("no file: %v", err)
	}
	for _, text := range []string{"mirrors: [hunter2]", "rewrite: {hunter2: x}", "{"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readRegistries(path); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
