package containerd

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Registries is where k3s reads mirrors and logins from
// (docs.k3s.io/installation/private-registry).
const Registries = "/etc/rancher/k3s/registries.yaml"

// registries is what the test node knows of that file.
type registries struct {
	Mirrors map[string]struct {
		Endpoint []string `json:"endpoint"`
	} `json:"mirrors"`
	Configs map[string]struct {
		Auth struct {
			Username string `json:"username"`
			Password string `json:"password"`
		} `json:"auth"`
	} `json:"configs"`
}

// readRegistries reads the file. None is as an empty one; what the test node
// doesn't know is refused, so that no test relies on it.
func readRegistries(path string) (registries, error) {
	var read registries
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return read, nil
	}
	if err != nil {
		return read, err
	}
	if err := yaml.UnmarshalStrict(content, &read); err != nil {
		// The parser's message may show a password.
		return read, fmt.Errorf("%s is no mapping of mirrors and configs that the test node knows", path)
	}
	return read, nil
}

// configuration is the part of containerd's that knows logins, by the host that
// is asked in the end.
func (r registries) configuration(dir string) string {
	var toml strings.Builder
	fmt.Fprintf(&toml, "\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = %q\n", dir)
	for _, host := range sorted(r.Configs) {
		auth := r.Configs[host].Auth
		fmt.Fprintf(&toml, "\n[plugins.'io.containerd.cri.v1.images'.registry.configs.%q.auth]\n", host)
		fmt.Fprintf(&toml, "  username = %q\n  password = %q\n", auth.Username, auth.Password)
	}
	return toml.String()
}

// writeHosts writes what containerd is to ask in the place of each host
// (containerd docs/hosts.md), and nothing else into dir.
func (r registries) writeHosts(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for host, mirror := range r.Mirrors {
		var toml strings.Builder
		fmt.Fprintf(&toml, "server = %q\n", "https://"+host+"/v2")
		for _, endpoint := range mirror.Endpoint {
			if parsed, err := url.Parse(endpoint); err != nil || parsed.Host == "" {
				return fmt.Errorf("%s: the endpoint %q of %s is no URL", Registries, endpoint, host)
			}
			fmt.Fprintf(&toml, "\n[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", endpoint+"/v2")
		}
		if err := os.MkdirAll(filepath.Join(dir, host), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, host, "hosts.toml"), []byte(toml.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func sorted[V any](from map[string]V) []string {
	keys := make([]string, 0, len(from))
	for key := range from {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
