{{/* What the pods of both components have in common; each define takes dict "root" $ "component" string. */}}

{{- define "sentiment-monitor.podMetadata" -}}
{{- $values := index .root.Values .component -}}
labels:
  {{- merge (include "sentiment-monitor.selectorLabels" . | fromYaml) $values.podLabels | toYaml | nindent 2 }}
{{- with $values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Who the pod is. No token: nothing in it talks to the Kubernetes API. */}}
{{- define "sentiment-monitor.podIdentity" -}}
serviceAccountName: {{ include "sentiment-monitor.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end }}

{{- define "sentiment-monitor.placement" -}}
{{- $values := index .root.Values .component -}}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "sentiment-monitor.affinity" (dict "root" .root "affinity" $values.affinity) }}
affinity:
  {{- . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/*
Image, environment, port, probes, resources. Adds "port", "live", "ready" (paths) and "env" (list) to the dict; for a
second container also "portName" and "resources".
*/}}
{{- define "sentiment-monitor.container" -}}
{{- $values := index .root.Values .component -}}
{{- $port := .portName | default "http" -}}
image: {{ include "sentiment-monitor.image" . }}
imagePullPolicy: {{ $values.image.pullPolicy }}
securityContext:
  {{- toYaml .root.Values.securityContext | nindent 2 }}
env:
  {{- include "sentiment-monitor.merge" (dict "key" "name" "lists" (list .env $values.extraEnv)) | nindent 2 }}
ports:
  - name: {{ $port }}
    containerPort: {{ .port }}
startupProbe:
  {{- include "sentiment-monitor.probe" (dict "path" .live "port" $port "timing" $values.startupProbe) | nindent 2 }}
readinessProbe:
  {{- include "sentiment-monitor.probe" (dict "path" .ready "port" $port "timing" $values.readinessProbe) | nindent 2 }}
livenessProbe:
  {{- include "sentiment-monitor.probe" (dict "path" .live "port" $port "timing" $values.livenessProbe) | nindent 2 }}
lifecycle:
  preStop:
    sleep:
      seconds: 5 # keeps responding until every node has removed it from the Service
{{- with .resources | default $values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The chart knows path and port, the user the timing. dict "path" string "port" string "timing" dict */}}
{{- define "sentiment-monitor.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ .port }}
{{- with .timing }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
Adds "readOnly" (bool, of the log) and perhaps "state" (string, the folder of the container's own state) or "tokens"
(string, the Secret that holds them) to the dict.
*/}}
{{- define "sentiment-monitor.volumeMounts" -}}
{{- $log := dict "name" "log" "mountPath" "/app/logs" "readOnly" .readOnly }}
{{- $own := list $log (dict "name" "tmp" "mountPath" "/tmp") }}
{{- with .state }}{{/* a folder of the log's volume that no reader of the log looks into */}}
  {{- $own = append $own (dict "name" "log" "mountPath" "/app/state" "subPath" . "readOnly" false) }}
{{- end }}
{{- with .tokens }}{{/* a folder, since a single file would not follow its Secret */}}
  {{- $own = append $own (dict "name" "tokens" "mountPath" "/app/tokens" "readOnly" true) }}
{{- end }}
{{- $extra := (index .root.Values .component).extraVolumeMounts }}
{{- include "sentiment-monitor.merge" (dict "key" "mountPath" "lists" (list $own $extra)) }}
{{- end }}

{{/* Adds perhaps "tokens" (string, the Secret that holds them) to the dict. */}}
{{- define "sentiment-monitor.volumes" -}}
{{- $extra := (index .root.Values .component).extraVolumes }}
{{- $own := list (include "sentiment-monitor.logVolume" .root | fromYaml) (dict "name" "tmp" "emptyDir" dict) }}
{{- with .tokens }}
  {{- $file := list (dict "key" "tokens" "path" "tokens") }}
  {{- $own = append $own (dict "name" "tokens" "secret" (dict "secretName" . "defaultMode" 288 "items" $file)) }}{{/* 0440 */}}
{{- end }}
{{- include "sentiment-monitor.merge" (dict "key" "name" "lists" (list $own $extra)) }}
{{- end }}

{{- define "sentiment-monitor.logVolume" -}}
name: log
{{- if .Values.log.emptyDir }}
emptyDir: {}
{{- else }}
persistentVolumeClaim:
  claimName: {{ include "sentiment-monitor.claimName" . }}
{{- end }}
{{- end }}
