#!/usr/bin/env bash
# Prints the linker's flags that say which build a binary is: VERSION, COMMIT and BUILD_DATE of the environment (see
# cmd/internal/buildinfo), and the Kubernetes of go.mod, which upstream's components report from these two packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

info=github.com/foresight-scheduler/foresight/cmd/internal/buildinfo
k8s=$(awk '$1 == "k8s.io/kubernetes" {print $2}' go.mod)
minor=${k8s#v1.}
minor=${minor%%.*}

flags="-s -w -X $info.version=${VERSION:?} -X $info.commit=${COMMIT:?} -X $info.date=${BUILD_DATE:?}"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	flags+=" -X $package.gitVersion=$k8s -X $package.gitMajor=1 -X $package.gitMinor=$minor"
done
echo "$flags"
