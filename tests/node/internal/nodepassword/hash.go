// Package nodepassword binds a node's name to a password, as k3s does: the
// password is a file of the node, its hash a Secret of the cluster
// (docs.k3s.io/architecture, "How Agent Node Registration Works").
package nodepassword

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

// The format of k3s's hashes and its cost (pkg/authenticator/hash/scrypt.go),
// so that a volume of either can be read by the other.
const (
	format      = "$%d:%x:%d:%d:%d:%s" // version, salt, log2 N, r, p, key
	version     = 1
	logN, r, p  = 15, 8, 1
	maxLogN     = 20
	keyLength   = 64
	saltLength  = 8
	maxParallel = 16
)

var errMismatch = errors.New("hash does not match")

func hash(password string) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, err := scrypt.Key([]byte(password), salt, 1<<logN, r, p, keyLength)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(format, version, salt, logN, r, p, base64.RawStdEncoding.EncodeToString(key)), nil
}

// verify returns nil where the password has that hash.
func verify(hashed, password string) error {
	var (
		v, n       uint
		rr, pp     int
		salt       []byte
		encodedKey string
	)
	if _, err := fmt.Sscanf(hashed, format, &v, &salt, &n, &rr, &pp, &encodedKey); err != nil {
		return fmt.Errorf("read hash: %w", err)
	}
	if v != version || n > maxLogN || pp > maxParallel {
		return fmt.Errorf("hash version %d with cost %d is not supported", v, n)
	}
	want, err := base64.RawStdEncoding.DecodeString(encodedKey)
	if err != nil {
		return fmt.Errorf("read hash: %w", err)
	}
	got, err := scrypt.Key([]byte(password), salt, 1<<n, rr, pp, len(want))
	if err != nil {
		return fmt.Errorf("compute hash: %w", err)
	}
	if subtle.ConstantTimeCompare(want, got) != 1 {
		return errMismatch
	}
	return nil
}
