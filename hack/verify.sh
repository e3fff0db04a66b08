#!/usr/bin/env bash
# Checks what can be checked without running anything; names every check that fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.13.2
failed=()

check() {
	local name=$1 out
	shift
	printf '%-20s' "$name"
	local start=$SECONDS
	if out=$("$@" 2>&1) && [ -z "$out" ]; then
		echo "ok ($((SECONDS - start))s)"
	else
		echo "FAILED"
		printf '%s\n' "$out" | sed 's/^/    /'
		failed+=("$name")
	fi
}

check gofmt gofmt -l cmd config manifests plugins test
check "module files" go mod tidy -diff
check "generated code" hack/verify-codegen.sh
check "import rules" hack/verify-imports.sh
check sizes hack/verify-size.sh
check vet go vet ./...
check golangci-lint go run "$golangci" run --timeout 20m --show-stats=false ./...

if [ ${#failed[@]} -gt 0 ]; then
	echo "verify failed: ${failed[*]}" >&2
	exit 1
fi
