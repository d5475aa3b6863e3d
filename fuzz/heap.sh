#!/bin/sh
# Replays fuzz_heap over a core made for the moment: the corpus, then random patches, always the same ones.
# usage: heap.sh REPLAY_HEAP TOOLS_DIR [SECONDS]
set -eu
replay=$1 tools=$2 seconds=${3:-20}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
"$here/core.sh" "$tools" "$dir/core" || status=$?
[ $status -eq 0 ] || exit $status
AP_FUZZ_CORE=$dir/core "$replay" -m 3 -r 100000 -s "$seconds" -t 100 -k "$dir/input" "$here/corpus/heap" || status=$?
[ $status -eq 0 ] || {
	echo "FAIL status $status; the input:"
	od -An -v -tx1 -w16 "$dir/input"
}
exit $status
