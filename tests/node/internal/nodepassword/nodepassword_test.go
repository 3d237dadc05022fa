package nodepassword

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/kubernetes/fake"
)

func TestEnsure(t *testing.T) {
	ctx, client := context.Background(), fake.NewClientset()
	for _, step := range []struct {
		what, node, password string
		want                 error
	}{
		{"first start", "N1", "a", nil},
		{"same password", "n1", "a", nil},
		{"other password", "n1", "b", ErrRejected},
		{"other node", "n2", "b", nil},
	} {
		if err := Ensure(ctx, client, step.node, step.password); !errors.Is(err, step.want) {
			t.Errorf("%s: got %v, want %v", step.what, err, step.want)
		}
	}
	if err := Forget(ctx, client, "n1"); err != nil {
		t.Fatal(err)
	}
	if err := Ensure(ctx, client, "n1", "b"); err != nil {
		t.Errorf("after the node was deleted: %v", err)
	}
	if err := Forget(ctx, client, "n3"); err != nil {
		t.Errorf("node without a Secret: %v", err)
	}
}

func TestReadMakesOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node", "password")
	first, err := Read(path)
	if err != nil || len(first) != 32 {
		t.Fatalf("%q, %v", first, err)
	}
	second, err := Read(path)
	if err != nil || second != first {
		t.Errorf("%q, %v", second, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestVerifyReadsForeignCost(t *testing.T) {
	// Made with scrypt(N=2, r=1, p=1) and salt 0x01: cost is read from the hash.
	if err := verify("$1:01:1:1:1:AAAA", "x"); !errors.Is(err, errMismatch) {
		t.Error(err)
	}
	if err := verify("$1:01:63:1:1:AAAA", "x"); err == nil || errors.Is(err, errMismatch) {
		t.Errorf("an absurd cost was computed: %v", err)
	}
	if err := verify("nonsense", "x"); err == nil || errors.Is(err, errMismatch) {
		t.Error(err)
	}
}
