{{- define "drover.name" -}}
{{- if contains "drover" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-drover" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "drover.selector" -}}
app.kubernetes.io/name: drover
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "drover.labels" -}}
{{ include "drover.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: drover
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* The rules of one kind in files/rbac.yaml, so that they are written down once. */ -}}
{{- define "drover.rules" -}}
{{- $kind := .kind -}}
{{- range splitList "\n---\n" (.root.Files.Get "files/rbac.yaml") -}}
{{- $object := fromYaml . -}}
{{- if eq ($object.kind | default "") $kind -}}
{{- toYaml $object.rules -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* How people reach the port for images. */ -}}
{{- define "drover.uploadUrl" -}}
{{- $uploads := .Values.uploads -}}
{{- $scheme := ternary "https" "http" (ne $uploads.tlsSecretName "") -}}
{{- $service := printf "%s-uploads.%s.svc" (include "drover.name" .) .Release.Namespace -}}
{{- $host := ternary $service "127.0.0.1" $uploads.service -}}
{{- $uploads.url | default (printf "%s://%s:%v" $scheme $host $uploads.port) -}}
{{- end -}}
