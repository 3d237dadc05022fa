// Package containerd configures and starts the container runtime.
package containerd

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"openshell.ai/tests/node/internal/components"
)

// Paths that k3s uses too (docs.k3s.io/advanced).
const (
	stateDir = "/run/k3s/containerd"
	// Socket is where containerd listens.
	Socket = stateDir + "/containerd.sock"
	// Namespace holds Kubernetes' images and containers.
	Namespace = "k8s.io"
	// PauseImage is the image of pod sandboxes, by k3s's default --pause-image.
	PauseImage = "docker.io/rancher/mirrored-pause:3.6"
)

// pluginDir holds the CNI plugins of the image.
const pluginDir = "/opt/cni/bin"

// Config locates containerd's files, and names what stacks its images.
type Config struct {
	DataDir     string
	Snapshotter string
	Registries  string // file with mirrors and logins; need not exist
}

func (c Config) root() string    { return filepath.Join(c.DataDir, "agent/containerd") }
func (c Config) path() string    { return filepath.Join(c.DataDir, "agent/etc/containerd/config.toml") }
func (c Config) logPath() string { return filepath.Join(c.root(), "containerd.log") }
func (c Config) hostsDir() string {
	return filepath.Join(c.DataDir, "agent/etc/containerd/certs.d")
}
func (c Config) cniDir() string { return filepath.Join(c.DataDir, "agent/etc/cni/net.d") }

const config = `version = 3
root = %q
state = %q

[grpc]
  address = %q

[plugins.'io.containerd.cri.v1.images']
  snapshotter = %q

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = %q

[plugins.'io.containerd.cri.v1.runtime']
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  restrict_oom_score_adj = %t

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = [%q]
  conf_dir = %q
`

// The bridge is called cni0 and has the address that flannel would give it.
const cniConfig = `{
  "cniVersion": "1.0.0",
  "name": "cbr0",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "isDefaultGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "forceAddress": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`

// Write writes the configuration of containerd and of the pod network.
func (c Config) Write() error {
	restrict, err := lacksSysResource("/proc/self/status")
	if err != nil {
		return err
	}
	registries, err := readRegistries(c.Registries)
	if err != nil {
		return err
	}
	if err := registries.writeHosts(c.hostsDir()); err != nil {
		return err
	}
	main := fmt.Sprintf(config, c.root(), stateDir, Socket, c.Snapshotter, PauseImage, restrict, pluginDir, c.cniDir())
	files := map[string]string{
		c.path(): main + registries.configuration(c.hostsDir()),
		filepath.Join(c.cniDir(), "10-cbr0.conflist"): fmt.Sprintf(cniConfig, components.NodePodNet),
	}
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(c.root(), 0o711)
}

const capSysResource = 24 // linux/capability.h

// lacksSysResource reports whether CAP_SYS_RESOURCE is out of reach, as in
// nested sandboxes: runc can then not lower a pod's oom_score_adj, and
// containerd has to be told not to ask for it.
func lacksSysResource(status string) (bool, error) {
	file, err := os.Open(status)
	if err != nil {
		return false, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		value, ok := strings.CutPrefix(lines.Text(), "CapBnd:")
		if !ok {
			continue
		}
		bounding, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return false, fmt.Errorf("read CapBnd of %s: %w", status, err)
		}
		return bounding&(1<<capSysResource) == 0, nil
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("read %s: %w", status, err)
	}
	return false, fmt.Errorf("%s has no CapBnd line", status)
}
