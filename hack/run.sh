#!/usr/bin/env bash
# make run: a local cluster, a real workload, what was decided and why, and what is predicted.
# With REAL=1 the nodes are real, and the workload is one with containers that answers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=${DIR:-.localcluster}
namespace=first-workload

if [ -z "${REAL:-}" ]; then
	# As manifests/base has it, but usage is read each ten seconds instead of thirty: something is to be predicted within the minute.
	mkdir -p bin/run
	sed 's/^\( *\)source: MetricsAPI$/&\n\1interval: 10s/' manifests/base/config.yaml >bin/run/config.yaml
	cat >bin/run/kustomization.yaml <<-EOT
		resources: [../../manifests/base]
		configMapGenerator:
		- {name: foresight-scheduler-config, namespace: foresight-system, behavior: replace, files: [config.yaml]}
	EOT
	bin/localcluster up --dir "$dir" --nodes "${NODES:-10}" --manifests bin/run
	foresight() { bin/foresight "$@" --kubeconfig "$dir/kubeconfig"; }
	foresight try -f manifests/examples/first-workload.yaml
	echo
	echo "Why a pod is where it is, and why another one waits (foresight explain):"
	foresight explain deploy/web -n "$namespace"
	echo
	foresight explain too-big -n "$namespace"
	# Where nothing is predicted yet, the tables say so.
	for _ in $(seq 50); do
		foresight nodes -o json | grep -q '"blind": true' || break
		sleep .5
	done
	echo
	echo "What nodes use, and what is predicted (foresight nodes, workloads):"
	foresight nodes
	echo
	foresight workloads -n "$namespace"
	echo
	echo "Where a pod would go now, by what is predicted (foresight explain --now):"
	foresight explain statefulset/db -n "$namespace" --now
else
	namespace=real-workload
	bin/localcluster up --dir "$dir" --nodes "${NODES:-2}" --real --scheduler-image bin/local-image.tar ${YES:+--yes}
	kubectl() { bin/localcluster kubectl --dir "$dir" -n "$namespace" "$@"; }
	bin/foresight try --kubeconfig "$dir/kubeconfig" -f manifests/examples/real-workload.yaml
	kubectl rollout status deployment/web --timeout=90s
	echo
	echo "Who answers at the Service, through kube-proxy of the node of the pod that asks:"
	for _ in 1 2 3 4; do
		kubectl exec deployment/web -- /workload get "http://$(kubectl get service web -o jsonpath='{.spec.clusterIP}')"
	done
	echo
	echo "The scheduler is the shipped pod:"
	bin/localcluster kubectl --dir "$dir" -n foresight-system get pods -o wide
	echo
	bin/foresight explain deploy/web -n "$namespace" --kubeconfig "$dir/kubeconfig"
	echo
	bin/foresight timeline --kubeconfig "$dir/kubeconfig" -n "$namespace" "$(kubectl get pods -l app=web -o jsonpath='{.items[0].metadata.name}')"
fi
cat <<EOT

The cluster stays up. Look around:
  bin/localcluster kubectl get pods -n $namespace -o wide
  bin/localcluster kubectl top nodes
  bin/localcluster status
  bin/foresight explain POD -n $namespace --kubeconfig $dir/kubeconfig
  bin/foresight ui --kubeconfig $dir/kubeconfig
and remove it with: make down
EOT
