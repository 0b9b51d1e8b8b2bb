{{/* An image by its digest where one is given, else by the tag of all. */}}
{{- define "staffmesh.image" -}}
{{- (index . 0).Values.images.registry }}/{{ include "staffmesh.version" . -}}
{{- end }}

{{/* The same without its registry. */}}
{{- define "staffmesh.version" -}}
{{- $values := (index . 0).Values -}}
{{- $name := index . 1 -}}
{{- $digest := get $values.images.digests $name -}}
{{- $name }}{{ if $digest }}@{{ $digest }}{{ else }}:{{ $values.images.tag }}{{ end -}}
{{- end }}

{{/* The URL that clients know, which is also where tokens are issued. */}}
{{- define "staffmesh.publicUrl" -}}
{{- .Values.publicUrl | default (printf "https://%s" .Values.domain) -}}
{{- end }}
