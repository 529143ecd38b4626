{{/* dict "root" $ "component" string "port" string, of the Service whose /metrics are scraped; "tokens" the Secret, if it asks for one */}}
{{- define "sentiment-monitor.serviceMonitor" -}}
{{- $scrape := .root.Values.metrics.serviceMonitor -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "sentiment-monitor.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- merge (include "sentiment-monitor.labels" . | fromYaml) $scrape.labels | toYaml | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- include "sentiment-monitor.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: {{ .port }}
      path: /metrics
      interval: {{ $scrape.interval }}
      {{- with .tokens }}
      authorization:
        credentials:
          name: {{ . }}
          key: admin-token
      {{- end }}
      {{- with $scrape.relabelings }}
      relabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $scrape.metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
