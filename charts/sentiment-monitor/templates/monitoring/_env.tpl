{{/* What the dashboard and the watch are told; all take $. */}}

{{- define "sentiment-monitor.monitoringEnv" -}}
{{- with .Values.monitoring }}
- {name: LOG_DIR, value: /app/logs}
- {name: ACCURACY_THRESHOLD, value: {{ .accuracyThreshold | toString | quote }}}
- {name: MIN_LABELS, value: {{ .minLabels | toString | quote }}}
- {name: FALSE_ALARM_BUDGET, value: {{ .falseAlarmBudget | toString | quote }}}
- {name: REFRESH_SECONDS, value: {{ .refreshSeconds | toString | quote }}}
- {name: STALE_MINUTES, value: {{ .staleMinutes | toString | quote }}}
- {name: KEEP_ALIVE_SECONDS, value: {{ .keepAliveSeconds | int | toString | quote }}}
- {name: STATE_DIR, value: /app/state}
{{- end }}
{{- end }}

{{/* The token that the dashboard and `helm test` send to the API; without one they are refused, and say so. */}}
{{- define "sentiment-monitor.apiTokenEnv" -}}
{{- with .Values.api.tokens.existingSecret }}
- name: API_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: dashboard-token
      optional: true
{{- end }}
{{- end }}

{{- define "sentiment-monitor.watchEnv" -}}
{{- $watch := .Values.monitoring.watch }}
{{- include "sentiment-monitor.monitoringEnv" . }}
- {name: WATCH_NAME, value: {{ printf "%s/%s" .Release.Namespace (include "sentiment-monitor.fullname" .) | quote }}}
{{- range $name, $given := dict "WEBHOOK_URL" $watch.webhookUrl "ALERTMANAGER_URL" $watch.alertmanagerUrl }}
{{- if $given }}
- {name: {{ $name }}, value: {{ $given | quote }}}
{{- else if $watch.existingSecret }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $watch.existingSecret }}
      key: {{ $name | lower | replace "_" "-" }}
      optional: true
{{- end }}
{{- end }}
{{- end }}

{{/* Of the dashboard only: the watch has no page. */}}
{{- define "sentiment-monitor.signInEnv" -}}
{{- with .Values.monitoring.signIn }}
{{- if .enabled }}
- {name: OIDC_METADATA_URL, value: {{ .metadataUrl | quote }}}
- {name: PUBLIC_URL, value: {{ .publicUrl | quote }}}
- {name: SIGN_IN_ALLOWED, value: {{ join "," .allowed | quote }}}
- {name: SIGN_IN_HOURS, value: {{ .hours | toString | quote }}}
{{- $secret := .existingSecret }}
{{- range $key := list "client-id" "client-secret" "cookie-secret" }}
- name: OIDC_{{ $key | upper | replace "-" "_" }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
