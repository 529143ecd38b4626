{{/* What the log's volume allows; `templates/validate.yaml` refuses what it does not. */}}

{{/* Who can mount the volume at once: "nodes" (any), "node" (pods of one node), "pod" (one), "own" (each pod its own). */}}
{{- define "sentiment-monitor.reach" -}}
{{- if .Values.log.emptyDir }}own
{{- else if has "ReadWriteMany" .Values.log.accessModes }}nodes
{{- else if has "ReadWriteOnce" .Values.log.accessModes }}node
{{- else if has "ReadWriteOncePod" .Values.log.accessModes }}pod
{{- end }}
{{- end }}

{{/* "true" if all pods that mount the log must be on one node. */}}
{{- define "sentiment-monitor.oneNode" -}}
{{- $reach := include "sentiment-monitor.reach" . }}
{{- if or (eq $reach "node") (and (eq $reach "nodes") .Values.log.allReplicasOnOneNode) }}true{{ end }}
{{- end }}

{{/*
"true" if a new pod may start before the old one has stopped. One node for all allows it with ReadWriteOnce as well,
but only where that was said: a new pod that does not fit beside the old one would wait for ever.
*/}}
{{- define "sentiment-monitor.rolls" -}}
{{- $reach := include "sentiment-monitor.reach" . }}
{{- if or (has $reach (list "nodes" "own")) (and (eq $reach "node") .Values.log.allReplicasOnOneNode) }}true{{ end }}
{{- end }}

{{/* dict "root" $ "component" string */}}
{{- define "sentiment-monitor.strategy" -}}
{{- $given := (index .root.Values .component).strategy }}
{{- if $given }}
{{- toYaml $given }}
{{- else if include "sentiment-monitor.rolls" .root -}}
type: RollingUpdate
rollingUpdate:
  maxSurge: 1
  maxUnavailable: 0
{{- else -}}
type: Recreate
{{- end }}
{{- end }}

{{/*
The component's own affinity and, where the volume needs it, the node of this release's other pods.

The anti-affinity forbids nothing, since no node has its topology key. It makes the scheduler look again when one of the
release's pods is gone; without it the pods that replace those of a drained node wait for five minutes, for pods that
are gone (kubernetes/kubernetes#141354).
dict "root" $ "affinity" dict
*/}}
{{- define "sentiment-monitor.affinity" -}}
{{- $affinity := deepCopy .affinity }}
{{- if include "sentiment-monitor.oneNode" .root }}
  {{- $release := dict "matchLabels" (include "sentiment-monitor.releaseLabels" .root | fromYaml) }}
  {{- $terms := dict "podAffinity" "kubernetes.io/hostname" "podAntiAffinity" "sentiment-monitor/on-no-node" }}
  {{- range $kind, $topologyKey := $terms }}
    {{- $own := get $affinity $kind | default dict }}
    {{- $required := get $own "requiredDuringSchedulingIgnoredDuringExecution" | default list }}
    {{- $term := dict "topologyKey" $topologyKey "labelSelector" $release }}
    {{- $_ := set $own "requiredDuringSchedulingIgnoredDuringExecution" (append $required $term) }}
    {{- $_ := set $affinity $kind $own }}
  {{- end }}
{{- end }}
{{- with $affinity }}{{ toYaml . }}{{ end }}
{{- end }}
