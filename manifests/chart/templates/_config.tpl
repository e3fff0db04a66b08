{{/* The plugins that there are: upstream's and ours. A test holds the list beside the binary. */}}
{{- define "foresight.plugins" -}}
- Affinity
- Claims
- Decisions
- DefaultBinder
- DefaultPreemption
- DeferredPodScheduling
- DynamicResources
- GangScheduling
- ImageLocality
- InterPodAffinity
- LoadVariationRiskBalancing
- LowRiskOverCommitment
- NodeAffinity
- NodeDeclaredFeatures
- NodeIndex
- NodeName
- NodePorts
- NodeResourcesBalancedAllocation
- NodeResourcesFit
- NodeUnschedulable
- NodeVolumeLimits
- Peaks
- PodGroupPodsCount
- PodTopologySpread
- PredictedQoS
- Prediction
- PrioritySort
- Rebalance
- ResourceFit
- SchedulingGates
- Shadow
- TaintToleration
- Taints
- TargetLoadPacking
- TopologyPlacementGenerator
- VolumeBinding
- VolumeRestrictions
- VolumeZone
{{- end -}}

{{/* What values ask for and there is no equivalent of here, a name a line. */}}
{{- define "foresight.unknown" -}}
{{- $known := include "foresight.plugins" . | fromYamlArray -}}
{{- range .Values.plugins.enabled }}
{{- $name := kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name") }}
{{- if not (has $name $known) }}
plugins.enabled: {{ $name }}
{{- end }}
{{- end }}
{{- range .Values.plugins.disabled }}
{{- if eq . "PrioritySort" }}
plugins.disabled: PrioritySort (the queue has no other order here)
{{- else if and (ne . "*") (not (has . $known)) }}
plugins.disabled: {{ . }}
{{- end }}
{{- end }}
{{- range .Values.pluginConfig }}
{{- if not (has .name $known) }}
pluginConfig: {{ .name }}
{{- end }}
{{- end }}
{{- if .Values.controller }}
controller
{{- end }}
{{- if .Values.scheduler.command }}
scheduler.command
{{- end }}
{{- if contains "scheduler-plugins/kube-scheduler" .Values.scheduler.image }}
scheduler.image: {{ .Values.scheduler.image }} is another scheduler
{{- end }}
{{- end -}}

{{/* The KubeSchedulerConfiguration: the shipped one with what values say. */}}
{{- define "foresight.config" -}}
{{- $known := include "foresight.plugins" . | fromYamlArray -}}
{{- $config := include "foresight.text" (dict "root" . "dir" (.Values.shadow.enabled | ternary "shadow" "base") "file" "config.yaml") | fromYaml -}}
{{- $_ := set $config.leaderElection "leaderElect" .Values.scheduler.leaderElect -}}
{{- $_ := set $config.leaderElection "resourceNamespace" .Release.Namespace -}}
{{- $profile := index $config.profiles 0 -}}

{{- $enabled := $profile.plugins.multiPoint.enabled -}}
{{- $wanted := .Values.plugins.enabled | default list -}}
{{- if .Values.qos.enabled -}}
{{- $wanted = append $wanted (dict "name" "PredictedQoS" "weight" .Values.qos.weight) -}}
{{- end -}}
{{- range $plugin := $wanted -}}
{{- if kindIs "string" $plugin -}}{{- $plugin = dict "name" $plugin -}}{{- end -}}
{{- if has $plugin.name $known -}}
{{- $others := list -}}
{{- range $enabled -}}{{- if ne .name $plugin.name -}}{{- $others = append $others . -}}{{- end -}}{{- end -}}
{{- $enabled = append $others $plugin -}}
{{- end -}}
{{- end -}}
{{- $disabled := $profile.plugins.multiPoint.disabled -}}
{{- range .Values.plugins.disabled -}}
{{- if and (ne . "PrioritySort") (or (eq . "*") (has . $known)) -}}
{{- $disabled = append $disabled (dict "name" .) -}}
{{- $name := . -}}
{{- $others := list -}}
{{- range $enabled -}}{{- if ne .name $name -}}{{- $others = append $others . -}}{{- end -}}{{- end -}}
{{- $enabled = $others -}}
{{- end -}}
{{- end -}}
{{- $_ := set $profile.plugins "multiPoint" (dict "enabled" $enabled "disabled" (uniq $disabled)) -}}

{{- $args := list (dict "name" "Prediction" "args" (dict "usage" .Values.usage)) -}}
{{- if .Values.qos.enabled -}}
{{- $args = append $args (dict "name" "PredictedQoS" "args" (mergeOverwrite (dict "scoreFrom" "Utilisation") .Values.qos.args)) -}}
{{- end -}}
{{- if .Values.shadow.enabled -}}
{{- $args = append $args (dict "name" "Shadow" "args" (dict "schedulerNames" .Values.shadow.schedulerNames)) -}}
{{- end -}}
{{- if .Values.rebalance.enabled -}}
{{- $args = append $args (dict "name" "Rebalance" "args" (mergeOverwrite (dict "mode" "Suggest") .Values.rebalance.args)) -}}
{{- end -}}
{{- range $more := concat $args (.Values.pluginConfig | default list) -}}
{{- if and (eq $more.name "Shadow") (not $.Values.shadow.enabled) -}}
{{- fail "pluginConfig: Shadow makes an onlooker of the scheduler: say so with shadow.enabled" -}}
{{- end -}}
{{- if has $more.name $known -}}
{{- $found := false -}}
{{- range $profile.pluginConfig -}}
{{- if eq .name $more.name -}}
{{- $found = true -}}
{{- $_ := set . "args" (mergeOverwrite (.args | default dict) (deepCopy ($more.args | default dict))) -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- $_ := set $profile "pluginConfig" (append $profile.pluginConfig (deepCopy $more)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toYaml $config }}
{{- end -}}
