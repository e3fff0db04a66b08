#!/usr/bin/env bash
# Runs fuzz targets one after the other: hack/fuzz.sh TIME [REGEXP]. Each target of plugins, cmd
# and config whose name matches REGEXP fuzzes for TIME (60s, or 1000x executions).
#
# Go before 1.27 may report the end of TIME itself as a failure ("context deadline exceeded",
# golang/go#75804). A target that failed with that line alone found nothing, and counts as passed.
# A finding always has lines of its own, at least the path of the input that fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time=${1:?usage: hack/fuzz.sh TIME [REGEXP]} targets=${2:-.}
output=$(mktemp)
trap 'rm -f "$output"' EXIT

only_out_of_time() {
	local failure
	failure=$(sed -n '/^--- FAIL: /,$p' "$1" | sed -n '2,$p' | grep -vE '^(FAIL|exit status 1$)' || true)
	[[ $failure == "    context deadline exceeded" ]]
}

for dir in $(grep -rl --include='*_test.go' '^func Fuzz' plugins cmd config | xargs -n1 dirname | sort -u); do
	for target in $(grep -ho '^func Fuzz[A-Za-z]*' "$dir"/*_test.go | cut -c6- | grep -E "$targets"); do
		echo "$dir $target"
		if ! go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" 2>&1 | tee "$output"; then
			only_out_of_time "$output" || exit 1
			echo "$dir $target: nothing found; Go reported the end of its own time (golang/go#75804)"
		fi
	done
done
