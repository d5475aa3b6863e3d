#!/bin/sh
# Handles, requests, timers and promises on one Node, against what the program itself wrote before it died.
# usage: activity.sh MAJOR|debian AUTOPSY TOOLS_DIR [-v]
set -eu
label=$1 autopsy=$(realpath "$2") tools=$(realpath "$3") verbose=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-node-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir live
status=0
"$tools/mkcore" -t 120 -o core -- "$node" --expose-internals "$here/activity.js" "$dir/truth.json" "$dir/live" >log 2>&1 || status=$?
if [ $status -ne 0 ]; then
	tail -n 5 log
	exit $status
fi
"$driver" "$here/activity-check.js" "$autopsy" core truth.json "$label" $verbose
"$tools/mkcore" -t 120 -o core2 -- "$node" "$here/workers.js" "$dir/workers.json" >log 2>&1 || status=$?
if [ $status -ne 0 ]; then
	tail -n 5 log
	exit $status
fi
"$driver" "$here/workers-check.js" "$autopsy" core2 workers.json
