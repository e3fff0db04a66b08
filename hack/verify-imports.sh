#!/usr/bin/env bash
# Prints the imports that break the architecture: which room may know which
# (docs/architecture.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

go list -f '{{$p := .ImportPath}}{{range .Imports}}{{$p}} {{.}}{{"\n"}}{{end}}' ./... | awk '
BEGIN {
	module = "github.com/foresight-scheduler/foresight/"
	# The rooms that wrap an upstream plugin or command may import k8s.io/kubernetes.
	upstream["plugins"]; upstream["plugins/suite"]; upstream["plugins/suite/profiles"]; upstream["plugins/affinity"]; upstream["plugins/taints"]
	upstream["plugins/resourcefit"]; upstream["plugins/resourcefit/limits"]; upstream["plugins/qos/objective"]
	upstream["plugins/nodeindex"]; upstream["plugins/nodeindex/terms"]; upstream["plugins/trimaran"]; upstream["plugins/plugintest"]
	# Decisions are seen where upstream makes them, and evaluated by its own plugins.
	upstream["plugins/decision/watch"]; upstream["plugins/decision/evaluate"]
	# Replays run the whole scheduler, and nothing that schedules knows them.
	upstream["plugins/predict/evaluate/replay"]
}
NF == 2 {
	from = substr($1, length(module) + 1)
	if ($2 ~ /^k8s\.io\/kubernetes\// && from !~ /^cmd\// && from !~ /^test/ && !(from in upstream))
		print from " imports " $2 ": only plugins that wrap an upstream plugin, and cmd, may"
	if (index($2, module) != 1) {
		if (from ~ /^plugins\/predict\/model\// && ($2 ~ /^k8s\.io\// || $2 ~ /^sigs\.k8s\.io\//))
			print from " imports " $2 ": the models know no Kubernetes"
		next
	}
	to = substr($2, length(module) + 1)
	if (to ~ /^test/ && from !~ /^test/) print from " imports " to ": nothing imports test"
	if (to ~ /^cmd\// && from !~ /^cmd\//) print from " imports " to ": nothing imports cmd"
	if (from ~ /^config/ && to !~ /^config/) print from " imports " to ": config stands on its own"
	# The way of the data: usage, then learn with model, then forecast, then cycle.
	if (from ~ /^plugins\/predict\/model\// && to !~ /^plugins\/predict\/(model\/|atomicfile)/) print from " imports " to ": models know nothing of the rooms around them"
	if (from ~ /^plugins\/predict\/usage/ && to !~ /^(plugins\/predict\/usage|plugins\/claims|config)/) print from " imports " to ": usage is what all learning begins with"
	if (from ~ /^plugins\/predict\/forecast/ && to !~ /^(plugins\/predict\/model\/|plugins\/claims|config)/) print from " imports " to ": a forecast is models and claims, and nothing that makes it"
	if (from ~ /^plugins\/predict\/cycle/ && to !~ /^(plugins\/predict\/(cycle|forecast|model)|plugins\/claims|config)/) print from " imports " to ": a cycle reads forecasts, and nothing that makes them"
	if (from ~ /^plugins\/predict\/learn/ && to ~ /^plugins\/predict\/cycle/) print from " imports " to ": who learns knows no scheduling cycle"
	evaluates = from ~ /^plugins\/predict\/evaluate\//
	if (to ~ /^plugins\/predict\/evaluate\// && !evaluates && from !~ /^(cmd|test)\//)
		print from " imports " to ": nothing that schedules knows how it is evaluated"
	if (evaluates) next
	if (from ~ /^plugins\/predict/ && to !~ /^(plugins\/predict|plugins\/claims|config)/) print from " imports " to ": predict is read by plugins, not the other way"
	if (from == "plugins/claims" && to != "config") print from " imports " to ": claims stand on their own"
	# The suite is the whole of it, in one piece: it may know every room, and only cmd and tests know it.
	if (to ~ /^plugins\/suite/ && from !~ /^(cmd|test|plugins\/suite)/) print from " imports " to ": the suite is for whoever runs a scheduler"
	if (from ~ /^plugins\/suite/) next
	split(from, f, "/"); split(to, t, "/")
	if (f[1] == "plugins" && t[1] == "plugins" && f[2] != "" && f[2] != t[2] && t[2] != "predict" && t[2] != "claims")
		print from " imports " to ": sibling plugins do not know each other"
}'

# What others write in annotations is bounded before it is parsed, in one place; see plugins/claims.
git ls-files 'plugins/*.go' 'cmd/foresight-scheduler/*.go' | grep -v -e _test.go -e '^plugins/claims/' -e '^plugins/predict/evaluate/' | xargs grep -nE \
	'\.(Get)?Annotations(\(\))?\[|range [a-zA-Z.]*\.(Get)?Annotations|"foresight-scheduler\.dev/[^"]*"\]' |
	grep -v '\["kubernetes\.io/' | sed 's/$/  <- annotations and labels of ours are read by plugins\/claims only/' || true
