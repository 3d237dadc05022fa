// Command tls connects to a TLS server as a client with a certificate, by Go's own implementation, and
// tells what it negotiated.
//
//	tls ADDRESS NAME DIRECTORY
//
// DIRECTORY holds ca.crt, tls.crt and tls.key. Exits with 1 and the reason if either side refuses.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

const patience = 5 * time.Second

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: tls ADDRESS NAME DIRECTORY")
		os.Exit(64)
	}
	if err := connect(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func connect(address, name, dir string) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("ca.crt holds no certificate")
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair},
		RootCAs:      roots,
		ServerName:   name,
		NextProtos:   []string{"h2"},
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	// In TLS 1.3 the server judges the client's certificate after the client's handshake is done: only what
	// it says next tells. An HTTP/2 server begins with its settings (RFC 9113, 3.4).
	if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 9)); err != nil {
		return fmt.Errorf("the server refused: %w", err)
	}
	state := conn.ConnectionState()
	leaf := state.PeerCertificates[0]
	fmt.Printf("%s %s %s\n", tls.VersionName(state.Version), leaf.Subject, leaf.Issuer)
	return nil
}
