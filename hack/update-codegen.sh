#!/usr/bin/env bash
# Writes the generated code of config and config/v1: deepcopy, defaults, conversions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=$(awk '$1 == "k8s.io/kubernetes" {sub("^v1", "v0", $2); print $2}' go.mod)
header=hack/boilerplate.go.txt

generate() { go run "k8s.io/code-generator/cmd/$1@$version" --go-header-file "$header" --output-file "zz_generated.$2.go" "${@:3}"; }

generate deepcopy-gen deepcopy ./config ./config/v1
generate defaulter-gen defaults ./config/v1
generate conversion-gen conversion ./config/v1
gofmt -l -w config
