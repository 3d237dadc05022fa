package nodepassword

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// File is where the node keeps its password.
const File = "/etc/rancher/node/password"

// ErrRejected has the words of k3s's agent (pkg/agent/config/config.go).
var ErrRejected = errors.New("Node password rejected, duplicate hostname or contents of '" + File + //nolint:staticcheck // k3s's text
	"' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag")

// SecretName is the name of a node's Secret in kube-system.
func SecretName(node string) string { return strings.ToLower(node + ".node-password.k3s") }

// Read returns the password in path, making one where there is none.
func Read(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(data)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read node password: %w", err)
	}
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make node password: %w", err)
	}
	password := hex.EncodeToString(raw)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("write node password: %w", err)
	}
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write node password: %w", err)
	}
	return password, nil
}

// Ensure verifies the password of a node against its Secret, which is made
// where there is none. A wrong password gives [ErrRejected].
func Ensure(ctx context.Context, client kubernetes.Interface, node, password string) error {
	secrets := client.CoreV1().Secrets(meta.NamespaceSystem)
	secret, err := secrets.Get(ctx, SecretName(node), meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		hashed, err := hash(password)
		if err != nil {
			return fmt.Errorf("hash the password of node %s: %w", node, err)
		}
		immutable := true
		_, err = secrets.Create(ctx, &core.Secret{
			ObjectMeta: meta.ObjectMeta{Name: SecretName(node)},
			Immutable:  &immutable,
			Data:       map[string][]byte{"hash": []byte(hashed)},
		}, meta.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	err = verify(string(secret.Data["hash"]), password)
	if errors.Is(err, errMismatch) {
		return ErrRejected
	}
	return err
}

// Forget removes the Secret of a node that was deleted, as k3s's node
// controller does (pkg/node/controller.go).
func Forget(ctx context.Context, client kubernetes.Interface, node string) error {
	err := client.CoreV1().Secrets(meta.NamespaceSystem).Delete(ctx, SecretName(node), meta.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
