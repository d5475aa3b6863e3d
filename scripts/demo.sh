#!/bin/sh
# Crashes the program in examples/checkout and opens its core on the first screen.
# usage: demo.sh BUILD_DIR
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
demo=$build/demo
core=$demo/core

node=$(command -v node || true)
major=$({ "$node" --version 2>/dev/null || echo v0; } | sed 's/^v\([0-9]*\).*/\1/')
[ "$major" -ge 16 ] || node=$("$root/scripts/fetch-node.sh" 22)

rm -rf "$demo"
mkdir -p "$demo/run"

crash() {
	"$build/tests/mkcore" -d "$demo/run" -t 60 -o "$core" -- \
		"$node" --abort-on-uncaught-exception "$root/examples/checkout/crash.js" >"$demo/log" 2>&1
}

echo "demo: a shop dies at the checkout, on $("$node" --version)"
status=0
crash || status=$?
if [ $status -eq 77 ]; then
	# the kernel gives its cores to somebody else, and we may not change that: gdb can make one too
	"$root/scripts/deps.sh" cores
	status=0
	crash || status=$?
fi
if [ $status -ne 0 ]; then
	cat "$demo/log" >&2
	echo "demo: no core could be made (see above)" >&2
	exit 1
fi
rmdir "$demo/run" 2>/dev/null || true
echo "demo: $build/autopsy $core"
echo
"$build/autopsy" report "$core"
