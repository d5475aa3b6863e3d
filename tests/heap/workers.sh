#!/bin/sh
# A core with three heaps, two of them of workers that may be anywhere in a collection: they split cleanly. A walk over it is stopped in
# the middle and goes on.
# usage: workers.sh MAJOR|debian AUTOPSY TOOLS_DIR
set -eu
label=$1 autopsy=$(readlink -f "$2") tools=$(readlink -f "$3")
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-heap-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
status=0
MALLOC_ARENA_MAX=1 "$tools/mkcore" -t 100 -o core -- "$node" "$here/collect.js" 2 13 >log 2>&1 || status=$?
if [ $status -ne 0 ]; then
	tail -n 5 log
	exit $status
fi
"$driver" "$here/collecting-check.js" "$autopsy" core "$("$node" -p process.versions.node)" 3
"$tools/heap-stop" core
