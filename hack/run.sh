#!/usr/bin/env bash
# make run: a local cluster, a real workload, and a table of what was decided and why.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=${DIR:-.localcluster}

bin/localcluster up --dir "$dir" --nodes "${NODES:-10}"
bin/foresight try --kubeconfig "$dir/kubeconfig" -f manifests/examples/first-workload.yaml
cat <<EOF

The cluster stays up. Look around:
  bin/localcluster kubectl get pods -n first-workload -o wide
  bin/localcluster kubectl top nodes
  bin/localcluster status
and remove it with: make down
EOF
