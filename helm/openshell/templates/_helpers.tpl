{{/*
Names, labels and references that several templates share.
*/}}

{{/* The value of app.kubernetes.io/name. Part of every selector: never derive it from anything else. */}}
{{- define "openshell.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
Base name of all objects: the release name, joined with the chart's name unless it
contains it. The controller appends a revision of 11 characters to a
StatefulSet's name for a label of at most 63, hence 52.
*/}}
{{- define "openshell.fullname" -}}
{{- $name := include "openshell.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/*
Selectors of the StatefulSet, the Service and the NetworkPolicy. Kubernetes
refuses a changed StatefulSet selector, so these two labels are final.
*/}}
{{- define "openshell.selectorLabels" -}}
app.kubernetes.io/name: {{ include "openshell.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/*
Labels of the objects. The pod template and the volume claim template must not
have them: they carry versions, and a new version alone must not restart the
pod, nor change a field that Kubernetes keeps immutable.
*/}}
{{- define "openshell.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{ include "openshell.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{/* The ServiceAccount that the pod runs as. */}}
{{- define "openshell.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "openshell.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The server's image reference. */}}
{{- define "openshell.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{/* The supervisor's image reference; empty when no repository is set. */}}
{{- define "openshell.supervisorImage" -}}
{{- with .Values.supervisor.image -}}
{{- if .repository -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}
