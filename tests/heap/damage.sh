#!/bin/sh
# A real core whose heap is damaged again and again: never a crash, never a hang.
# usage: damage.sh MAJOR|debian AUTOPSY TOOLS_DIR ROUNDS [SEED]
set -eu
label=$1 autopsy=$(readlink -f "$2") tools=$(readlink -f "$3") rounds=$4 seed=${5:-1}
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-heap-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
status=0
"$tools/mkcore" -t 300 -o core -- "$node" --abort-on-uncaught-exception -e '
	class A { constructor(i) { this.i = i; } }
	globalThis.kept = Array.from({ length: 3000 }, (_, i) => [new A(i), "s" + i, () => i, new Map([[i, {}]])]);
	throw new Error("boom");' >log 2>&1 || status=$?
if [ $status -ne 0 ]; then
	tail -n 5 log
	exit $status
fi
"$driver" "$here/damage.js" "$autopsy" core "$rounds" "$seed"
