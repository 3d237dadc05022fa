package pki

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: default
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: default
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: default
  context:
    cluster: default
    user: default
current-context: default
`

// Kubeconfig writes a kubeconfig for the API at server (a URL) with the client
// certificate of that name.
func (d Dir) Kubeconfig(path, server, client string, mode os.FileMode) error {
	var fields [3]string
	for i, file := range []string{d.Cert(ServerCA), d.Cert(client), d.Key(client)} {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("write kubeconfig %s: %w", path, err)
		}
		fields[i] = base64.StdEncoding.EncodeToString(data)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", path, err)
	}
	content := fmt.Appendf(nil, kubeconfig, server, fields[0], fields[1], fields[2])
	if err := writeFile(path, mode, content); err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", path, err)
	}
	return nil
}
