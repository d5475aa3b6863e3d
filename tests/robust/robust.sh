#!/bin/sh
# Damaged cores of a real Node: see robust.js.
# usage: robust.sh AUTOPSY TOOLS_DIR [OPTION OF robust.js ...]
set -eu
autopsy=$1 tools=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
"$root/fuzz/core.sh" "$tools" "$dir/core" || status=$?
[ $status -eq 0 ] || exit $status
"$("$root/scripts/fetch-node.sh" 22)" "$root/tests/robust/robust.js" --autopsy "$autopsy" --core "$dir/core" "$@"
