{{/* Service, routes and network policy of a component; each define takes dict "root" $ "component" string. */}}

{{- define "sentiment-monitor.service" -}}
{{- $service := (index .root.Values .component).service -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "sentiment-monitor.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sentiment-monitor.labels" . | nindent 4 }}
  {{- with $service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type }}
  {{- with $service.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . }}
  {{- end }}
  ports:
    - name: http
      port: {{ $service.port }}
      targetPort: http
      {{- if and $service.nodePort (ne $service.type "ClusterIP") }}
      nodePort: {{ $service.nodePort }}
      {{- end }}
  selector:
    {{- include "sentiment-monitor.selectorLabels" . | nindent 4 }}
{{- end }}

{{/* Adds "path" (string) to the dict. */}}
{{- define "sentiment-monitor.ingress" -}}
{{- $values := index .root.Values .component -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "sentiment-monitor.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sentiment-monitor.labels" . | nindent 4 }}
  {{- with $values.ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $values.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  rules:
    {{- range $values.ingress.hosts }}
    - host: {{ tpl . $.root | quote }}
      http:
        paths:
          - path: {{ $.path }}
            pathType: Prefix
            backend:
              service:
                name: {{ include "sentiment-monitor.fullname" $.root }}-{{ $.component }}
                port:
                  name: http
    {{- end }}
  {{- with $values.ingress.tls }}
  tls:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Adds "path" (string) to the dict. */}}
{{- define "sentiment-monitor.httpRoute" -}}
{{- $values := index .root.Values .component -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ include "sentiment-monitor.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sentiment-monitor.labels" . | nindent 4 }}
  {{- with $values.httpRoute.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs:
    {{- toYaml $values.httpRoute.parentRefs | nindent 4 }}
  {{- with $values.httpRoute.hostnames }}
  hostnames:
    {{- range . }}
    - {{ tpl . $.root | quote }}
    {{- end }}
  {{- end }}
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: {{ .path }}
      {{- with $values.httpRoute.filters }}
      filters:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      backendRefs:
        - name: {{ include "sentiment-monitor.fullname" .root }}-{{ .component }}
          port: {{ $values.service.port }}
    {{- with $values.httpRoute.additionalRules }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/*
Lets in the release's own pods, and out to any name server: its address differs between clusters, and OpenShift's
listens on 5353. Adds "from" (list of peers), "egress" and perhaps "ingress" (lists of rules) to the dict.
*/}}
{{- define "sentiment-monitor.networkPolicy" -}}
{{- $release := dict "matchLabels" (include "sentiment-monitor.releaseLabels" .root | fromYaml) -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "sentiment-monitor.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sentiment-monitor.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "sentiment-monitor.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        {{- concat (list (dict "podSelector" $release)) .from | toYaml | nindent 8 }}
      ports:
        - port: http
    {{- with .ingress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  egress:
    - ports:
        {{- range list 53 5353 }}
        - port: {{ . }}
          protocol: UDP
        - port: {{ . }}
          protocol: TCP
        {{- end }}
    {{- with concat .egress .root.Values.networkPolicy.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
