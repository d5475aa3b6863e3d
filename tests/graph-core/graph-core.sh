#!/bin/sh
# The graph of a core against V8's own snapshot of the same process, on one Node.
# usage: graph-core.sh MAJOR|debian AUTOPSY TOOLS_DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$1")
exec "$driver" --max-old-space-size=4096 "$here/run.js" "$2" "$3" "$node" "$1"
