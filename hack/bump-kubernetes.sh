#!/usr/bin/env bash
# bump-kubernetes.sh vX.Y.Z: builds on another release of Kubernetes. It changes every version in go.mod that goes with
# k8s.io/kubernetes and tidies; docs/design/upstream.md says what to run and to look at then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ ${1:-} =~ ^v1\.[0-9]+\.[0-9]+(-[a-z]+\.[0-9]+)?$ ]] || { echo "usage: $0 vX.Y.Z, such as v1.37.2" >&2; exit 2; }
new=$1
old=$(awk '$1 == "k8s.io/kubernetes" {print $2}' go.mod)
[ "$old" != "$new" ] || { echo "go.mod has $new already"; exit 0; }

# Staging modules are v0 where Kubernetes is v1. Other modules of k8s.io (klog, utils, kube-openapi) have versions of their own.
sed -i -E "s,^(\s*k8s\.io/[a-z-]+( => k8s\.io/[a-z-]+)?) v[01]${old#v1}( // indirect)?$,\1 NEW\3,
	s,(k8s\.io/kubernetes) NEW,\1 $new,; s, NEW, v0${new#v1}," go.mod
go mod tidy
git --no-pager diff --stat go.mod go.sum
echo "Kubernetes $old -> $new. Next: make verify test, test/skew/add.sh $old, make skew (docs/design/upstream.md)"
