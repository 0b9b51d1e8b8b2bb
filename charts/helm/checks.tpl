{{- /* What a schema cannot say; renders nothing. */ -}}
{{- range $service, $replicas := .Values.replicas }}
{{- if gt (int $replicas.min) (int $replicas.max) }}
{{- fail (printf "replicas.%s: min %d is more than max %d; raise max or lower min" $service (int $replicas.min) (int $replicas.max)) }}
{{- end }}
{{- end }}
