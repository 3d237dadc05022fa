// Package pki keeps the certificates of a node in a directory: authorities are
// made once and kept, leaves are re-issued when what they must say has changed.
// File names are k3s's (docs.k3s.io/cli/certificate).
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityYears = 10
	// Tolerated difference between the clocks of two containers.
	backdate = time.Hour
)

// Dir is a directory of certificates (name.crt) and private keys (name.key).
type Dir string

// Cert returns the path of a certificate.
func (d Dir) Cert(name string) string { return filepath.Join(string(d), name+".crt") }

// Key returns the path of a private key.
func (d Dir) Key(name string) string { return filepath.Join(string(d), name+".key") }

// Authority is a certificate authority whose key is in the directory.
type Authority struct {
	dir  Dir
	name string
	cert *x509.Certificate
	key  crypto.Signer
}

// Name is the base name of the authority's files.
func (a *Authority) Name() string { return a.name }

// Authority loads the authority of that name, or makes it where there is none.
// Half an authority is an error: a new one would orphan every certificate.
func (d Dir) Authority(name string, now time.Time) (*Authority, error) {
	cert, certErr := readCert(d.Cert(name))
	if certErr == nil {
		key, err := readKey(d.Key(name))
		if err != nil {
			return nil, fmt.Errorf("authority %s has a certificate but no usable key: %w", name, err)
		}
		return &Authority{d, name, cert, key}, nil
	}
	if !errors.Is(certErr, fs.ErrNotExist) {
		return nil, fmt.Errorf("load authority %s: %w", name, certErr)
	}
	key, err := d.EnsureKey(name)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: fmt.Sprintf("k3s-%s@%d", name, now.Unix())},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.AddDate(authorityYears, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign,
	}
	cert, err = d.sign(name, template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &Authority{d, name, cert, key}, nil
}

// EnsureKey loads the private key of that name, or makes it where there is none.
func (d Dir) EnsureKey(name string) (crypto.Signer, error) {
	key, err := readKey(d.Key(name))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", name, err)
	}
	der, err := x509.MarshalECPrivateKey(fresh)
	if err != nil {
		return nil, fmt.Errorf("encode key %s: %w", name, err)
	}
	return fresh, writeFile(d.Key(name), 0o600, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

func (d Dir) sign(name string, template, parent *x509.Certificate, key, signer crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number of %s: %w", name, err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign certificate %s: %w", name, err)
	}
	if err := writeFile(d.Cert(name), 0o644, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func readCert(path string) (*x509.Certificate, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	return cert, nil
}

func readKey(path string) (crypto.Signer, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	return key, nil
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	return block.Bytes, nil
}

// writeFile replaces a file as a whole: a node that is killed half-way must
// find the old or the new content at its next start, never half a key.
func writeFile(path string, mode os.FileMode, data []byte) error {
	scratch := path + ".new"
	if err := os.WriteFile(scratch, data, mode); err != nil {
		return err
	}
	return os.Rename(scratch, path)
}
