{{/*
Conditions between values, which a JSON schema cannot express. Each failure
names the values and the remedy.
*/}}
{{- define "openshell.checks" -}}
{{- $seen := dict -}}
{{- range $key := list "port" "healthPort" "metricsPort" -}}
{{- $port := index $.Values.service $key | int64 | toString -}}
{{- if ne $port "0" -}}
{{- with index $seen $port -}}
{{- fail (printf "service.%s is %s, as is service.%s: the server cannot listen twice on one port; choose another" $key $port .) -}}
{{- end -}}
{{- $_ := set $seen $port $key -}}
{{- end -}}
{{- end -}}
{{- end -}}
