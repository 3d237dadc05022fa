// Command registry is a container registry in memory that wants a user and a
// password: a test fixture, made of an upstream registry.
//
//	registry ADDRESS
//
// The user and the password are the variables REGISTRY_USER and
// REGISTRY_PASSWORD. It prints the address that it listens on, and one line for
// each request: its status, method and path.
package main

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: registry ADDRESS")
		os.Exit(64)
	}
	if err := run(os.Args[1], os.Getenv("REGISTRY_USER"), os.Getenv("REGISTRY_PASSWORD")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address, user, password string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return http.Serve(listener, logged(os.Stdout, guarded(store, user, password)))
}

// guarded lets nobody through without the user and the password (RFC 7617).
func guarded(next http.Handler, user, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, ok := r.BasicAuth()
		if !ok || !same(u, user) || !same(p, password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// logged writes a line for each request. No header of it: they hold the password.
func logged(to io.Writer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		fmt.Fprintf(to, "%d %s %s\n", seen.code, r.Method, r.URL.Path)
	})
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}
