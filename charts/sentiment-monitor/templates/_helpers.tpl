{{/* Names, labels and images. `component` is "api", "monitoring" or "tests". */}}

{{- define "sentiment-monitor.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* Start of every object's name; short enough for "-monitoring" behind it, and without the dots a release may have. */}}
{{- define "sentiment-monitor.fullname" -}}
{{- $name := include "sentiment-monitor.name" . }}
{{- $release := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- .Values.fullnameOverride | default $release | replace "." "-" | trunc 52 | trimSuffix "-" }}
{{- end }}

{{/* What selects the pods of a release, or of one component of it. Never changes: selectors cannot. */}}
{{- define "sentiment-monitor.releaseLabels" -}}
app.kubernetes.io/name: {{ include "sentiment-monitor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* dict "root" $ "component" string */}}
{{- define "sentiment-monitor.selectorLabels" -}}
{{ include "sentiment-monitor.releaseLabels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of an object, not of a pod: a new version of the chart restarts nothing. dict "root" $ "component" string */}}
{{- define "sentiment-monitor.labels" -}}
{{ include "sentiment-monitor.selectorLabels" . }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sentiment-monitor.serviceAccountName" -}}
{{- $default := ternary (include "sentiment-monitor.fullname" .) "default" .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default $default }}
{{- end }}

{{- define "sentiment-monitor.claimName" -}}
{{- .Values.log.existingClaim | default (printf "%s-log" (include "sentiment-monitor.fullname" .)) }}
{{- end }}

{{/* registry/repository:tag@digest; a digest alone leaves the tag out. dict "root" $ "component" string */}}
{{- define "sentiment-monitor.image" -}}
{{- $image := (index .root.Values .component).image }}
{{- $registry := .root.Values.global.imageRegistry | default $image.registry }}
{{- $tag := $image.tag | default (ternary "" .root.Chart.AppVersion (ne $image.digest "")) }}
{{- with $registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- with $tag }}:{{ . }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Where a component answers inside the cluster. dict "root" $ "component" string */}}
{{- define "sentiment-monitor.url" -}}
http://{{ include "sentiment-monitor.fullname" .root }}-{{ .component }}:{{ (index .root.Values .component).service.port }}
{{- end }}

{{/* The names under which a component is asked, with commas between them; `*` if any may be. dict "root" $ "component" string */}}
{{- define "sentiment-monitor.allowedHosts" -}}
{{- $values := index .root.Values .component -}}
{{- $name := printf "%s-%s" (include "sentiment-monitor.fullname" .root) .component -}}
{{- $hosts := list $name -}}
{{- range $domain := list "" ".svc" (printf ".svc.%s" .root.Values.clusterDomain) -}}
  {{- $hosts = append $hosts (printf "%s.%s%s" $name $.root.Release.Namespace $domain) -}}
{{- end -}}
{{- if $values.ingress.enabled -}}
  {{- $hosts = concat $hosts $values.ingress.hosts -}}
{{- end -}}
{{- if $values.httpRoute.enabled -}}
  {{- $hosts = concat $hosts ($values.httpRoute.hostnames | default (list "*")) -}}{{/* whichever the gateway has */}}
{{- end -}}
{{- tpl (concat $hosts $values.allowedHosts | uniq | join ",") .root -}}
{{- end }}

{{/* A list without duplicates: of two entries with the same key the later one counts. dict "key" string "lists" list */}}
{{- define "sentiment-monitor.merge" -}}
{{- $key := .key }}
{{- $merged := list }}
{{- range $entry := concat (first .lists) (last .lists) }}
  {{- $others := list }}
  {{- range $merged }}
    {{- if ne (get . $key) (get $entry $key) }}{{ $others = append $others . }}{{ end }}
  {{- end }}
  {{- $merged = append $others $entry }}
{{- end }}
{{- toYaml $merged }}
{{- end }}
