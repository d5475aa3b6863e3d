#!/bin/sh
# The cookbook's commands, on cores made for them.
# usage: cookbook.sh AUTOPSY TOOLS_DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
node=$("$here/../../scripts/fetch-node.sh" 22)
exec "$node" "$here/cookbook.js" "$(realpath "$1")" "$(realpath "$2")" "$node" \
	"$here"/../../docs/cookbook/cache.md "$here"/../../docs/cookbook/listeners.md "$here"/../../docs/cookbook/closure.md
