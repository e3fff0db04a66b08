{{/*
The objects are those of the kustomization, whose files this chart holds: one source for both. Only their names, their namespace
and what values say is different.
*/}}

{{/* What the names of an onlooker's objects end in: as manifests/components/shadow has it. */}}
{{- define "foresight.suffix" -}}
{{- if .Values.shadow.enabled -}}
{{- if eq .Release.Namespace "foresight-system" -}}
{{- fail "shadow.enabled: an onlooker is a release of its own, in a namespace of its own, such as foresight-shadow" -}}
{{- end -}}
-shadow
{{- end -}}
{{- end -}}

{{- define "foresight.name" -}}{{ .Values.scheduler.name }}{{ include "foresight.suffix" . }}{{- end -}}

{{/* The text of a file of the base, or of another dir, with this release's names. */}}
{{- define "foresight.text" -}}
{{- $file := printf "files/%s/%s" (.dir | default "base") .file -}}
{{- $text := .root.Files.Get $file -}}
{{- if not $text -}}{{- fail (printf "the chart has no %s; package it with helm, which follows links" $file) -}}{{- end -}}
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
{{- if $.root.Values.shadow.enabled }}
{{- $object = include "foresight.shadow" (dict "root" $.root "object" $object) | fromYaml }}
{{- end }}
{{- if $object }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
{{- end -}}

{{/* An object of the base as manifests/components/shadow changes it; nothing where an onlooker has none. A test holds the two together. */}}
{{- define "foresight.shadow" -}}
{{- $o := .object -}}
{{- $name := .root.Values.scheduler.name -}}
{{- $suffix := include "foresight.suffix" .root -}}
{{- if not (and (eq $o.kind "FlowSchema") (not (hasSuffix "-lease" $o.metadata.name))) -}}
{{- if and (eq $o.kind "ClusterRole") (eq $o.metadata.name $name) -}}
{{- $_ := set $o "rules" (include "foresight.text" (dict "root" .root "dir" "shadow" "file" "clusterrole.yaml") | fromYaml).rules -}}
{{- end -}}
{{- if eq $o.kind "Role" -}}
{{- range $o.rules -}}
{{- if and (has "leases" .resources) .resourceNames -}}{{- $_ := set . "resourceNames" (list "foresight-shadow") -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set $o.metadata "name" (print $o.metadata.name $suffix) -}}
{{- with $o.roleRef -}}{{- $_ := set . "name" (print .name $suffix) -}}{{- end -}}
{{- range $o.subjects -}}{{- $_ := set . "name" (print .name $suffix) -}}{{- end -}}
{{- if eq $o.kind "FlowSchema" -}}
{{- range $o.spec.rules -}}{{- range .subjects -}}{{- $_ := set .serviceAccount "name" (print .serviceAccount.name $suffix) -}}{{- end -}}{{- end -}}
{{- end -}}
{{ toYaml $o }}
{{- end -}}
{{- end -}}

{{/* The image. That of scheduler-plugins, in a values file of its chart, is another scheduler. */}}
{{- define "foresight.image" -}}
{{- $image := .Values.scheduler.image -}}
{{- if or (not $image) (contains "scheduler-plugins/kube-scheduler" $image) -}}
{{- $image = printf "foresight-scheduler:%s" .Chart.AppVersion -}}
{{- end -}}
{{- $image -}}
{{- end -}}
