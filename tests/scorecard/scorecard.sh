#!/bin/sh
# The scorecard of the command language on one Node. The driver itself runs on Node 22, whatever the Node under test.
# usage: scorecard.sh MAJOR AUTOPSY TOOLS_DIR [OPTION OF scorecard.js ...]
set -eu
label=$1 autopsy=$2 tools=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
exec "$driver" "$here/scorecard.js" --autopsy "$autopsy" --tools "$tools" --node "$node" --label "$label" "$@"
