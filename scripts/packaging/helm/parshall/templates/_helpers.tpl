{{- define "parshall.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}-parshall
{{- end }}

{{- define "parshall.selector" -}}
app.kubernetes.io/name: parshall
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "parshall.labels" -}}
{{ include "parshall.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
