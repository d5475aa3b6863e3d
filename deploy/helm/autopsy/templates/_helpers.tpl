{{- define "autopsy.name" -}}
{{- default (default .Values.daemonset.name .Values.nameOverride) .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "autopsy.labels" -}}
name: {{ .Values.daemonset.label | quote }}
app.kubernetes.io/name: autopsy
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "autopsy.image" -}}
{{- if .Values.image.registry }}{{ .Values.image.registry }}/{{ end }}{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}

{{- define "autopsy.cri" -}}
{{- .Values.daemonset.crioEndpoint | trimPrefix "unix://" -}}
{{- end -}}

{{/* No capability, nothing to gain, nothing to write but what is mounted. */}}
{{- define "autopsy.rights" -}}
runAsUser: 0
runAsGroup: 0
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}
