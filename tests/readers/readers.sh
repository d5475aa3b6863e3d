#!/bin/sh
# Heap snapshots that we write, read by Chromium's DevTools and by memlab. What is missing is skipped, and said.
# usage: readers.sh MAJOR AUTOPSY TOOLS_DIR
set -eu
label=$1 autopsy=$(realpath "$2") tools=$(realpath "$3")
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
memlab=${AUTOPSY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/autopsy}/memlab-2.0.5
if [ ! -d "$memlab/node_modules/@memlab/heap-analysis" ]; then
	rm -rf "$memlab.new"
	# Its browser is not needed; installing runs no script of the packages.
	if PUPPETEER_SKIP_DOWNLOAD=1 timeout 300 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$memlab.new" \
		@memlab/heap-analysis@2.0.5 >/dev/null 2>&1; then
		mv "$memlab.new" "$memlab"
	else
		rm -rf "$memlab.new"
	fi
fi
modules=$memlab/node_modules
[ -d "$modules" ] || modules=
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-readers-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
status=0
"$tools/mkcore" -t 120 -o core -- "$node" --abort-on-uncaught-exception "$here/../report/program.js" >log 2>&1 || status=$?
if [ $status -ne 0 ]; then
	tail -n 5 log
	exit $status
fi
"$node" "$here/../report/program.js" "$dir/s.heapsnapshot" >/dev/null
"$driver" "$here/readers.js" "$autopsy" core s.heapsnapshot "$dir" "$(command -v chromium || true)" "$modules"
