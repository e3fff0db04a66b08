{{/*
The objects are those of the kustomization, whose files this chart holds: one source for both. Only their names, their namespace
and what values say is different.
*/}}

{{/* The text of a file of the base with this release's names. */}}
{{- define "foresight.text" -}}
{{- $text := .root.Files.Get (printf "files/base/%s" .file) -}}
{{- if not $text -}}{{- fail (printf "the chart has no files/base/%s; package it with helm, which follows links" .file) -}}{{- end -}}
{{/* The namespace comes last: it may contain the name. */}}
{{- $text | replace "foresight-system" "@namespace@" | replace "foresight-scheduler" .root.Values.scheduler.name | replace "@namespace@" .root.Release.Namespace -}}
{{- end -}}

{{- define "foresight.labels" -}}
app.kubernetes.io/name: foresight-scheduler
app.kubernetes.io/part-of: foresight
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* All objects of a file of the base. */}}
{{- define "foresight.objects" -}}
{{- $labels := include "foresight.labels" .root | fromYaml -}}
{{- range $text := splitList "\n---\n" (include "foresight.text" .) }}
{{- $object := fromYaml $text }}
{{- $_ := set $object.metadata "labels" $labels }}
---
{{ toYaml $object }}
{{- end }}
{{- end -}}

{{/* The image. That of scheduler-plugins, in a values file of its chart, is another scheduler. */}}
{{- define "foresight.image" -}}
{{- $image := .Values.scheduler.image -}}
{{- if or (not $image) (contains "scheduler-plugins/kube-scheduler" $image) -}}
{{- $image = printf "foresight-scheduler:%s" .Chart.AppVersion -}}
{{- end -}}
{{- $image -}}
{{- end -}}
