package chart

import (
	"strings"
	"testing"
)

// Values that must be refused before anything reaches a cluster, with what the
// message has to name: the key, and for a bad value its allowed form.
var refused = []struct {
	name, values string
	message      []string
}{
	{"unknown key", `bogus: 1`, []string{"bogus", "not allowed"}},
	{"unknown key in server", `server: {sandboxNamespce: x}`, []string{"server", "sandboxNamespce", "not allowed"}},
	{"value of the HelmChart object", `chartChecksum: abc`, []string{"chartChecksum", "not allowed"}},
	{"chart hook that does not exist", `pkiInitJob: {enabled: true}`, []string{"pkiInitJob", "not allowed"}},
	{"removed key", `server: null`, []string{"server is required"}},
	{"node port out of range", `service: {nodePort: 8080}`, []string{"service.nodePort", "30000"}},
	{"node port as text", `service: {nodePort: "30051"}`, []string{"service.nodePort", "integer"}},
	{"service type", `service: {type: ExternalName}`, []string{"service.type", "NodePort"}},
	{"privileged port", `service: {port: 443}`, []string{"service.port", "1024"}},
	{"fractional port", `service: {healthPort: 8081.5}`, []string{"service.healthPort", "integer"}},
	{"one port twice", `service: {healthPort: 8080}`, []string{"service.healthPort is 8080", "service.port"}},
	{"one late port twice", `service: {healthPort: 9090, metricsPort: 9090}`, []string{"service.metricsPort is 9090", "service.healthPort"}},
	{"two writers", `replicaCount: 2`, []string{"replicaCount", "less than or equal to 1"}},
	{"tag that YAML reads as a number", `image: {tag: 1e3}`, []string{"image.tag", "string"}},
	{"tag inside the repository", `image: {repository: "ghcr.io/x/gateway:0.1"}`, []string{"image.repository", "pattern"}},
	{"pull policy", `image: {pullPolicy: Sometimes}`, []string{"image.pullPolicy", "IfNotPresent"}},
	{"missing Secret name", `server: {tls: {certSecretName: ""}}`, []string{"server.tls.certSecretName", "pattern"}},
	{"Secret name with capitals", `server: {sshHandshakeSecretName: My_Secret}`, []string{"server.sshHandshakeSecretName"}},
	{"host gateway that is a name", `server: {hostGatewayIP: host-gateway}`, []string{"server.hostGatewayIP"}},
	{"bind address with a port", `server: {bindAddress: "0.0.0.0:8080"}`, []string{"server.bindAddress"}},
	{"endpoint without scheme", `server: {grpcEndpoint: "openshell:8080"}`, []string{"server.grpcEndpoint", "pattern"}},
	{"text for a switch", `server: {disableTls: "false"}`, []string{"server.disableTls", "boolean"}},
	{"issuer that is no URL", `server: {oidc: {issuer: keycloak}}`, []string{"server.oidc.issuer", "pattern"}},
	{"probe field", `probes: {startup: {timeout: 3}}`, []string{"probes.startup", "timeout", "not allowed"}},
	{"probe that never runs", `probes: {liveness: {periodSeconds: 0}}`, []string{"probes.liveness.periodSeconds"}},
	{"label of the selector", `podLabels: {app.kubernetes.io/name: other}`, []string{"podLabels", "app.kubernetes.io/name"}},
	{"checksum that is no string", `checksums: {server-tls: 12}`, []string{"checksums", "string"}},
	{"checksum key with a slash", `checksums: {a/b: x}`, []string{"checksums", "a/b"}},
	{"volume of no size", `persistence: {size: 0Gi}`, []string{"persistence.size", "pattern"}},
}

func TestRefused(t *testing.T) {
	for _, test := range refused {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out, errs, ok := runHelm(t, []byte(test.values),
				"template", release, chartDir, "--namespace", namespace, "--values", "-")
			if ok {
				t.Fatalf("%s is accepted:\n%s", test.values, out)
			}
			for _, want := range test.message {
				if !strings.Contains(errs, want) {
					t.Errorf("the message does not say %q:\n%s", want, errs)
				}
			}
			negatives.Add(1)
		})
	}
}
