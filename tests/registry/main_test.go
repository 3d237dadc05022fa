package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

func TestOnlyWhoKnowsThePasswordIsLetIn(t *testing.T) {
	const user, password = "robot$e2e", `p'":#\ x`
	var log bytes.Buffer
	server := httptest.NewServer(logged(&log, guarded(registry.New(), user, password)))
	defer server.Close()
	for _, c := range []struct {
		user, password string
		want           int
	}{{user, password, 200}, {user, "wrong", 401}, {"other", password, 401}, {"", "", 401}} {
		request, err := http.NewRequest(http.MethodGet, server.URL+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.user != "" {
			request.SetBasicAuth(c.user, c.password)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%q %q: %d, want %d", c.user, c.password, response.StatusCode, c.want)
		}
	}
	if !strings.HasPrefix(log.String(), "200 GET /v2/\n401 GET /v2/\n") || strings.Contains(log.String(), password) {
		t.Errorf("log: %s", log.String())
	}
}
