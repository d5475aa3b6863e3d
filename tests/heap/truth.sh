#!/bin/sh
# The whole heap on one Node: what objects says against V8's own heap snapshot.
# usage: truth.sh MAJOR|debian AUTOPSY TOOLS_DIR [-v]
set -eu
label=$1 autopsy=$2 tools=$3 verbose=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-heap-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
status=0
"$tools/mkcore" -t 300 -o core -- "$node" "$here/truth.js" "$dir/t.heapsnapshot" "$dir/counts.json" >log 2>&1 || status=$?
if [ $status -ne 0 ]; then
	tail -n 5 log
	exit $status
fi
"$driver" "$here/truth-check.js" "$autopsy" core t.heapsnapshot counts.json $verbose
