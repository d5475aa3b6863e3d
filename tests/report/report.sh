#!/bin/sh
# The report's page and JSON, on a program with secrets and hostile names. The browser part is skipped where there is no chromium.
# usage: report.sh AUTOPSY TOOLS_DIR
set -eu
autopsy=$(realpath "$1") tools=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
node=$("$here/../../scripts/fetch-node.sh" 22)
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-report-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
status=0
"$tools/mkcore" -t 120 -o core -- "$node" --abort-on-uncaught-exception "$here/program.js" >log 2>&1 || status=$?
if [ $status -ne 0 ]; then
	tail -n 5 log
	exit $status
fi
COUNT=25000 "$tools/mkcore" -t 120 -o later -- "$node" --abort-on-uncaught-exception "$here/program.js" >log 2>&1
"$node" "$here/program.js" "$dir/s.heapsnapshot" >/dev/null
"$node" "$here/report.js" "$autopsy" core later s.heapsnapshot "$dir" "$(command -v chromium || true)"
