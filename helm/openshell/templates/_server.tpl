{{/*
What the server is started with: arguments, environment, probes. A flag or
variable that only some servers know is rendered only when its value is set.
*/}}

{{/*
A string that the server must get unchanged. The kubelet expands $(NAME) in
arguments and in environment values and turns $$ into $; doubling each $ undoes it.
*/}}
{{- define "openshell.literal" -}}
{{- toString . | replace "$" "$$" | quote -}}
{{- end -}}

{{/* One environment entry. Arguments: dict "name" and "value". */}}
{{- define "openshell.env" -}}
- name: {{ .name }}
  value: {{ include "openshell.literal" .value }}
{{ end -}}

{{/* One environment entry, or nothing when the value is empty or 0. */}}
{{- define "openshell.envIfSet" -}}
{{- if .value -}}
{{- include "openshell.env" . -}}
{{- end -}}
{{- end -}}

{{/* Command line. Numbers pass through int64: values read from JSON are floats, which print as 1e+06. */}}
{{- define "openshell.args" -}}
- "--port"
- {{ .Values.service.port | int64 | quote }}
{{- with .Values.server.bindAddress }}
- "--bind-address"
- {{ include "openshell.literal" . }}
{{- end }}
{{- with .Values.service.healthPort }}
- "--health-port"
- {{ int64 . | quote }}
{{- end }}
{{- with .Values.service.metricsPort }}
- "--metrics-port"
- {{ int64 . | quote }}
{{- end }}
- "--log-level"
- {{ include "openshell.literal" .Values.server.logLevel }}
- "--db-url"
- {{ include "openshell.literal" .Values.server.dbUrl }}
{{- end -}}

{{/* Environment that does not depend on the transport. */}}
{{- define "openshell.serverEnv" -}}
{{- $server := .Values.server -}}
{{- $endpoint := $server.grpcEndpoint -}}
{{- if $server.disableTls -}}
{{- $endpoint = regexReplaceAll "^https://" $endpoint "http://" -}}
{{- end -}}
{{ include "openshell.env" (dict "name" "OPENSHELL_SANDBOX_NAMESPACE" "value" $server.sandboxNamespace) }}
{{- include "openshell.env" (dict "name" "OPENSHELL_SANDBOX_IMAGE" "value" $server.sandboxImage) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_SANDBOX_IMAGE_PULL_POLICY" "value" $server.sandboxImagePullPolicy) }}
{{- include "openshell.supervisorEnv" . }}
{{- include "openshell.env" (dict "name" "OPENSHELL_GRPC_ENDPOINT" "value" $endpoint) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_SSH_GATEWAY_HOST" "value" $server.sshGatewayHost) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_SSH_GATEWAY_PORT" "value" (int64 $server.sshGatewayPort)) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_HOST_GATEWAY_IP" "value" $server.hostGatewayIP) }}
{{- with $server.sshHandshakeSecretName -}}
- name: OPENSHELL_SSH_HANDSHAKE_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ quote . }}
      key: secret
{{ end }}
{{- include "openshell.oidcEnv" $server.oidc }}
{{- end -}}

{{/* The supervisor image for later servers; nothing when none is set. */}}
{{- define "openshell.supervisorEnv" -}}
{{- with include "openshell.supervisorImage" . -}}
{{- include "openshell.env" (dict "name" "OPENSHELL_SUPERVISOR_IMAGE" "value" .) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_SUPERVISOR_IMAGE_PULL_POLICY" "value" $.Values.supervisor.image.pullPolicy) }}
{{- end -}}
{{- end -}}

{{/* OIDC for later servers; nothing while there is no issuer. Context: .Values.server.oidc. */}}
{{- define "openshell.oidcEnv" -}}
{{- if .issuer -}}
{{ include "openshell.env" (dict "name" "OPENSHELL_OIDC_ISSUER" "value" .issuer) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_OIDC_AUDIENCE" "value" .audience) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_OIDC_JWKS_TTL" "value" (int64 .jwksTtl)) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_OIDC_ROLES_CLAIM" "value" .rolesClaim) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_OIDC_ADMIN_ROLE" "value" .adminRole) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_OIDC_USER_ROLE" "value" .userRole) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_OIDC_SCOPES_CLAIM" "value" .scopesClaim) }}
{{- end -}}
{{- end -}}

{{/* Environment of the transport: plaintext, or TLS from the mounted Secrets. */}}
{{- define "openshell.transportEnv" -}}
{{- if .Values.server.disableTls -}}
{{ include "openshell.env" (dict "name" "OPENSHELL_DISABLE_TLS" "value" "true") }}
{{- else -}}
{{ include "openshell.env" (dict "name" "OPENSHELL_TLS_CERT" "value" "/etc/openshell-tls/server/tls.crt") }}
{{- include "openshell.env" (dict "name" "OPENSHELL_TLS_KEY" "value" "/etc/openshell-tls/server/tls.key") }}
{{- include "openshell.env" (dict "name" "OPENSHELL_TLS_CLIENT_CA" "value" "/etc/openshell-tls/client-ca/ca.crt") }}
{{- include "openshell.env" (dict "name" "OPENSHELL_CLIENT_TLS_SECRET_NAME" "value" .Values.server.tls.clientTlsSecretName) }}
{{- include "openshell.envIfSet" (dict "name" "OPENSHELL_DISABLE_GATEWAY_AUTH" "value" .Values.server.disableGatewayAuth) }}
{{- end -}}
{{- end -}}

{{/*
One probe: HTTP on the health port when there is one, else a TCP connection to
the gRPC port. Arguments: dict "healthPort", "path" and "timing" (of .Values.probes).
*/}}
{{- define "openshell.probe" -}}
{{- if .healthPort -}}
httpGet:
  path: {{ .path }}
  port: health
{{- else -}}
tcpSocket:
  port: grpc
{{- end }}
{{- with .timing }}
{{ toYaml . }}
{{- end }}
{{- end -}}
