#!/usr/bin/env bash
# Prints how the generated code differs from what the generators write today.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

before=$(mktemp -d)
restore() {
	cp -R "$before/config" .
	rm -rf "$before"
}
trap restore EXIT
cp -R config "$before/"
hack/update-codegen.sh >/dev/null
diff -ru "$before/config" config
