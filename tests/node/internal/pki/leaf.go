package pki

import (
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"time"
)

const leafYears = 1

// renewBefore is how long before its end a leaf is renewed at the next start;
// k3s renews at 120 days (docs.k3s.io/cli/certificate).
const renewBefore = 120 * 24 * time.Hour

// Leaf is what a certificate must say.
type Leaf struct {
	CommonName string
	Groups     []string // organizations; Kubernetes reads them as groups
	Hosts      []string // DNS names and IP addresses; none for a client certificate
}

// Issue makes sure that the directory holds a certificate of that name that
// says what is wanted, was signed by this authority and isn't about to expire.
// The key is kept. It reports whether a certificate was written.
func (a *Authority) Issue(name string, want Leaf, now time.Time) (bool, error) {
	key, err := a.dir.EnsureKey(name)
	if err != nil {
		return false, err
	}
	template := a.template(want, now)
	have, err := readCert(a.dir.Cert(name))
	switch {
	case err == nil:
		if a.serves(have, template, now) && samePublicKey(have, key.Public()) {
			return false, nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("load certificate %s: %w", name, err)
	}
	_, err = a.dir.sign(name, template, a.cert, key, a.key)
	return err == nil, err
}

func (a *Authority) template(want Leaf, now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: want.CommonName, Organization: want.Groups},
		NotBefore:   now.Add(-backdate),
		NotAfter:    now.AddDate(leafYears, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(want.Hosts) > 0 {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, host := range want.Hosts {
		if ip := net.ParseIP(host); ip == nil {
			t.DNSNames = append(t.DNSNames, host)
		} else {
			t.IPAddresses = append(t.IPAddresses, ip)
		}
	}
	return t
}

// serves decides whether a certificate can stay.
func (a *Authority) serves(have, want *x509.Certificate, now time.Time) bool {
	return have.CheckSignatureFrom(a.cert) == nil &&
		now.After(have.NotBefore) && now.Add(renewBefore).Before(have.NotAfter) &&
		have.Subject.CommonName == want.Subject.CommonName &&
		sameSet(have.Subject.Organization, want.Subject.Organization) &&
		slices.Equal(have.ExtKeyUsage, want.ExtKeyUsage) &&
		sameSet(have.DNSNames, want.DNSNames) &&
		sameSet(addresses(have), addresses(want))
}

func samePublicKey(cert *x509.Certificate, public any) bool {
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	other, otherOK := public.(*ecdsa.PublicKey)
	return ok && otherOK && key.Equal(other)
}

func addresses(cert *x509.Certificate) []string {
	out := make([]string, 0, len(cert.IPAddresses))
	for _, ip := range cert.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
