#!/usr/bin/env bash
# add.sh vX.Y.Z...: writes servers/vX.Y.Z, a module that builds that release's kube-apiserver from the module proxy.
# A release is a module of its own since no module can hold two of them. The release that this project is built on needs none:
# bin/localcluster holds its kube-apiserver.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# A newer release may need a newer Go than this project.
export GOTOOLCHAIN=auto

for version in "$@"; do
	dir=servers/$version
	mkdir -p "$dir"
	cat >"$dir/main.go" <<'GO'
// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command kube-apiserver is upstream's, of the release that go.mod names.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
GO
	upstream=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
	{
		printf 'module github.com/foresight-scheduler/foresight/test/%s\n\n' "skew/$dir"
		sed -n 's/^go .*/&/p' "$upstream"
		printf '\nrequire k8s.io/kubernetes %s\n\nreplace (\n' "$version"
		sed -n "s,^\t\(k8s.io/[a-z-]*\) => ./staging/.*,\t\1 => \1 v0${version#v1},p" "$upstream"
		printf ')\n'
	} >"$dir/go.mod"
	# The module proxy lacks some staging modules of pre-releases. Those of our own release take their place: of what an API server is made
	# of, these were kube-proxy's configuration and the streaming protocol.
	own=$(sed -n 's/^\tk8s.io\/kubernetes v1\(\..*\)$/v0\1/p' ../../go.mod)
	for module in $(sed -n 's,^\t\(k8s.io/[a-z-]*\) => .*,\1,p' "$dir/go.mod"); do
		(cd "$dir" && go mod download "$module@v0${version#v1}" 2>/dev/null) || {
			echo "$module is not served for $version: taken from $own" >&2
			(cd "$dir" && go mod edit -replace "$module=$module@$own")
		}
	done
	(cd "$dir" && go mod tidy -e >/dev/null)
	echo "$dir"
done
