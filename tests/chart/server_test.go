package chart

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// What each generation of the server understands. An unknown flag ends it.
var (
	flagsA = []string{"--port", "--log-level", "--db-url"}
	envA   = []string{
		"OPENSHELL_SANDBOX_NAMESPACE", "OPENSHELL_SANDBOX_IMAGE", "OPENSHELL_SANDBOX_IMAGE_PULL_POLICY",
		"OPENSHELL_GRPC_ENDPOINT", "OPENSHELL_SSH_GATEWAY_HOST", "OPENSHELL_SSH_GATEWAY_PORT",
		"OPENSHELL_HOST_GATEWAY_IP", "OPENSHELL_SSH_HANDSHAKE_SECRET", "OPENSHELL_DISABLE_TLS",
		"OPENSHELL_TLS_CERT", "OPENSHELL_TLS_KEY", "OPENSHELL_TLS_CLIENT_CA",
		"OPENSHELL_CLIENT_TLS_SECRET_NAME", "OPENSHELL_DISABLE_GATEWAY_AUTH",
	}
	flagsB = append(slices.Clone(flagsA), "--bind-address", "--health-port", "--metrics-port")
	envB   = append(slices.Clone(envA),
		"OPENSHELL_SUPERVISOR_IMAGE", "OPENSHELL_SUPERVISOR_IMAGE_PULL_POLICY",
		"OPENSHELL_OIDC_ISSUER", "OPENSHELL_OIDC_AUDIENCE", "OPENSHELL_OIDC_JWKS_TTL",
		"OPENSHELL_OIDC_ROLES_CLAIM", "OPENSHELL_OIDC_ADMIN_ROLE", "OPENSHELL_OIDC_USER_ROLE",
		"OPENSHELL_OIDC_SCOPES_CLAIM",
	)
)

// A server never gets a flag or a variable of another generation.
func TestServerKnowsWhatItGets(t *testing.T) {
	for name, known := range map[string]struct{ flags, env []string }{
		"generation-a": {flagsA, envA},
		"plaintext":    {flagsA, envA},
		"generation-b": {flagsB, envB},
		"full":         {flagsB, envB},
	} {
		t.Run(name, func(t *testing.T) {
			container := server(t, decode(t, render(t, "values/"+name+".yaml", nil)))
			if len(container.Args)%2 != 0 {
				t.Fatalf("not pairs of flag and value: %q", container.Args)
			}
			for pair := range slices.Chunk(container.Args, 2) {
				if !slices.Contains(known.flags, pair[0]) {
					t.Errorf("flag %s is passed", pair[0])
				}
			}
			for _, variable := range container.Env {
				if !slices.Contains(known.env, variable.Name) {
					t.Errorf("variable %s is passed", variable.Name)
				}
			}
		})
	}
}

func TestProbes(t *testing.T) {
	for name, health := range map[string]bool{"generation-a": false, "plaintext": false, "generation-b": true} {
		t.Run(name, func(t *testing.T) {
			container := server(t, decode(t, render(t, "values/"+name+".yaml", nil)))
			for path, probe := range map[string]*corev1.Probe{
				"/healthz": container.LivenessProbe,
				"/readyz":  container.ReadinessProbe,
			} {
				http := probe.HTTPGet != nil && probe.HTTPGet.Path == path && probe.HTTPGet.Port.StrVal == "health"
				tcp := probe.TCPSocket != nil && probe.TCPSocket.Port.StrVal == "grpc"
				if http != health || tcp == health {
					t.Errorf("probe for %s is %v", path, probe.ProbeHandler)
				}
			}
			if container.StartupProbe != nil {
				t.Errorf("a probe of the start delays it: %v", container.StartupProbe)
			}
		})
	}
}

// Without TLS the pod must not wait for Secrets that nobody needs.
func TestPlaintext(t *testing.T) {
	rendered := render(t, "values/plaintext.yaml", nil)
	for _, secret := range []string{"openshell-server-tls", "openshell-server-client-ca", "openshell-client-tls"} {
		if strings.Contains(rendered, secret) {
			t.Errorf("Secret %s is referred to", secret)
		}
	}
	env := received(t, server(t, decode(t, rendered)))
	if got := env["OPENSHELL_DISABLE_TLS"]; got != "true" {
		t.Errorf("OPENSHELL_DISABLE_TLS is %q", got)
	}
	if got := env["OPENSHELL_GRPC_ENDPOINT"]; got != "http://openshell.openshell.svc.cluster.local:8080" {
		t.Errorf("OPENSHELL_GRPC_ENDPOINT is %q", got)
	}
	if got, ok := env["OPENSHELL_DISABLE_GATEWAY_AUTH"]; ok {
		t.Errorf("OPENSHELL_DISABLE_GATEWAY_AUTH is %q", got)
	}
}

// The server gets each string of values/full.yaml byte for byte, after Helm,
// YAML and the kubelet.
func TestStringsArriveUnchanged(t *testing.T) {
	var values struct {
		Server struct {
			BindAddress, LogLevel, SandboxNamespace, DBURL, SandboxImage, GRPCEndpoint, SSHGatewayHost, HostGatewayIP string
			TLS                                                                                                       struct{ ClientTLSSecretName string }
			OIDC                                                                                                      struct{ Issuer, Audience, RolesClaim, AdminRole, UserRole, ScopesClaim string }
		}
	}
	text, err := os.ReadFile("values/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	want, oidc := values.Server, values.Server.OIDC
	got := received(t, server(t, decode(t, render(t, "values/full.yaml", nil))))
	for name, value := range map[string]string{
		"--bind-address":                   want.BindAddress,
		"--log-level":                      want.LogLevel,
		"--db-url":                         want.DBURL,
		"OPENSHELL_SANDBOX_NAMESPACE":      want.SandboxNamespace,
		"OPENSHELL_SANDBOX_IMAGE":          want.SandboxImage,
		"OPENSHELL_GRPC_ENDPOINT":          want.GRPCEndpoint,
		"OPENSHELL_SSH_GATEWAY_HOST":       want.SSHGatewayHost,
		"OPENSHELL_HOST_GATEWAY_IP":        want.HostGatewayIP,
		"OPENSHELL_CLIENT_TLS_SECRET_NAME": want.TLS.ClientTLSSecretName,
		"OPENSHELL_OIDC_ISSUER":            oidc.Issuer,
		"OPENSHELL_OIDC_AUDIENCE":          oidc.Audience,
		"OPENSHELL_OIDC_ROLES_CLAIM":       oidc.RolesClaim,
		"OPENSHELL_OIDC_ADMIN_ROLE":        oidc.AdminRole,
		"OPENSHELL_OIDC_USER_ROLE":         oidc.UserRole,
		"OPENSHELL_OIDC_SCOPES_CLAIM":      oidc.ScopesClaim,
	} {
		if value == "" {
			t.Errorf("values/full.yaml leaves %s empty: it is not tested", name)
		}
		if got[name] != value {
			t.Errorf("%s is %q, not %q", name, got[name], value)
		}
	}
	for name, value := range map[string]string{"OPENSHELL_OIDC_JWKS_TTL": "31536000", "OPENSHELL_SSH_GATEWAY_PORT": "2222"} {
		if got[name] != value {
			t.Errorf("%s is %q, not %q", name, got[name], value)
		}
	}
}

// received returns what a container's process gets: arguments by their flag and
// variables by their name, expanded as the kubelet does it. Variables that come
// from a Secret are left out.
func received(t *testing.T, container corev1.Container) map[string]string {
	t.Helper()
	result := map[string]string{}
	for pair := range slices.Chunk(container.Args, 2) {
		result[pair[0]] = kubeletExpand(pair[1])
	}
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			result[variable.Name] = kubeletExpand(variable.Value)
		}
	}
	return result
}

var kubeletReference = regexp.MustCompile(`\$\$|\$\([^)]*\)`)

// kubeletExpand follows the rule of the Kubernetes API for args and env: $$ is
// $, $(NAME) is a variable. The result marks a variable, so that it never passes.
func kubeletExpand(value string) string {
	return kubeletReference.ReplaceAllStringFunc(value, func(match string) string {
		if match == "$$" {
			return "$"
		}
		return "<expanded " + match + ">"
	})
}
