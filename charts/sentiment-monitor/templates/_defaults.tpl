{{/*
Gives the values their defaults where they are missing: `helm upgrade --reuse-values` takes those of the older release as
they are, and a value that is null is missing too. Every template begins with it. files/values.yaml is values.yaml, which
Helm shows to no template. Takes $.
*/}}
{{- define "sentiment-monitor.defaults" -}}
{{- include "sentiment-monitor.complete" (dict "values" .Values "defaults" (.Files.Get "files/values.yaml" | fromYaml)) }}
{{- end }}

{{/*
What Kubernetes defines, such as resources, is one value: what is taken out of it stays out, and all of it can be.
dict "values" dict "defaults" dict
*/}}
{{- define "sentiment-monitor.complete" -}}
{{- $whole := list "podSecurityContext" "securityContext" "resources" "startupProbe" "readinessProbe" "livenessProbe" "labels" }}
{{- range $key, $default := .defaults }}
  {{- $given := get $.values $key }}
  {{- if kindIs "invalid" (ternary $given nil (hasKey $.values $key)) }}
    {{- $given = ternary dict $default (and (kindIs "map" $default) (has $key $whole)) }}
    {{- $_ := set $.values $key $given }}
  {{- end }}
  {{- if and (kindIs "map" $default) (not (has $key $whole)) }}
    {{- include "sentiment-monitor.complete" (dict "values" $given "defaults" $default) }}
  {{- end }}
{{- end }}
{{- end }}
