#!/usr/bin/env bash
# Prints Go files of more than 300 lines, and packages of more than 600, without tests and generated code, that hack/large.txt does not
# have with a reason; and lines of hack/large.txt that hold no longer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

git ls-files -z '*.go' | grep -zv -e '_test\.go$' -e 'zz_generated' | xargs -0 wc -l | awk -v list=hack/large.txt '
BEGIN {
	while ((getline line < list) > 0) {
		if (line ~ /^(#|$)/) continue
		path = line; sub(/[ \t].*/, "", path)
		reason = line; sub(/^[^ \t]+[ \t]*/, "", reason)
		if (reason == "") print list ": " path " has no reason"
		known[path] = 1
	}
}
$2 ~ /\.go$/ {
	lines[$2] = $1
	room = $2
	if (!sub(/\/[^\/]*$/, "", room)) room = "."
	rooms[room] += $1
}
END {
	for (f in lines) if (lines[f] > 300 && !(f in known)) print f ": " lines[f] " lines: split it by what it does, or say why not in " list
	for (r in rooms) if (rooms[r] > 600 && !(r in known)) print r ": " rooms[r] " lines: split it by what it does, or say why not in " list
	for (k in known) if (!(lines[k] > 300 || rooms[k] > 600)) print list ": " k " is not that large any more"
}' | sort
