{{/*
Gives the values their defaults where they are missing: `helm upgrade --reuse-values` takes those of the older release as
they are, and a value that is null is missing too. Every template begins with it, and the first fills them in for all.
files/values.yaml is values.yaml, which Helm shows to no template. Takes $.

What Kubernetes defines, such as resources, is one value: what is taken out of it stays out, and all of it can be. Not in
`tests`: its pod always had resources, also before they were a value.
*/}}
{{- define "sentiment-monitor.defaults" -}}
{{- if not (hasKey .Values "_complete") }}
{{- $whole := list "podSecurityContext" "securityContext" "resources" "startupProbe" "readinessProbe" "livenessProbe" "labels" }}
{{- $defaults := .Files.Get "files/values.yaml" | fromYaml }}
{{- include "sentiment-monitor.complete" (dict "values" .Values "defaults" $defaults "whole" $whole) }}
{{- $_ := set .Values "_complete" true }}
{{- end }}
{{- end }}

{{/* dict "values" dict "defaults" dict "whole" list of keys */}}
{{- define "sentiment-monitor.complete" -}}
{{- range $key, $default := .defaults }}
  {{- $whole := and (kindIs "map" $default) (has $key $.whole) }}
  {{- if kindIs "invalid" (ternary (get $.values $key) nil (hasKey $.values $key)) }}
    {{- $_ := set $.values $key (ternary dict $default $whole) }}
  {{- end }}
  {{- if and (kindIs "map" $default) (not $whole) }}
    {{- $below := ternary list $.whole (eq $key "tests") }}
    {{- include "sentiment-monitor.complete" (dict "values" (get $.values $key) "defaults" $default "whole" $below) }}
  {{- end }}
{{- end }}
{{- end }}
