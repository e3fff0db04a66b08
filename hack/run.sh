#!/usr/bin/env bash
# make run: a local cluster, a real workload, and a table of what was decided and why.
# With REAL=1 the nodes are real, and the workload is one with containers that answers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=${DIR:-.localcluster}
namespace=first-workload

if [ -z "${REAL:-}" ]; then
	bin/localcluster up --dir "$dir" --nodes "${NODES:-10}"
	bin/foresight try --kubeconfig "$dir/kubeconfig" -f manifests/examples/first-workload.yaml
else
	namespace=real-workload
	bin/localcluster up --dir "$dir" --nodes "${NODES:-2}" --real ${YES:+--yes}
	kubectl() { bin/localcluster kubectl --dir "$dir" -n "$namespace" "$@"; }
	bin/foresight try --kubeconfig "$dir/kubeconfig" -f manifests/examples/real-workload.yaml
	kubectl rollout status deployment/web --timeout=90s
	echo
	echo "Who answers at the Service, through kube-proxy of the node of the pod that asks:"
	for _ in 1 2 3 4; do
		kubectl exec deployment/web -- /workload get "http://$(kubectl get service web -o jsonpath='{.spec.clusterIP}')"
	done
	echo
	bin/foresight trace --kubeconfig "$dir/kubeconfig" -n "$namespace" "$(kubectl get pods -l app=web -o jsonpath='{.items[0].metadata.name}')"
fi
cat <<EOT

The cluster stays up. Look around:
  bin/localcluster kubectl get pods -n $namespace -o wide
  bin/localcluster kubectl top nodes
  bin/localcluster status
and remove it with: make down
EOT
