#!/bin/sh
# The live tests on one Node. The driver itself runs on Node 22, whatever the Node under test.
# usage: live.sh MAJOR|debian AUTOPSY TOOLS_DIR [OPTION OF run.js ...]
set -eu
label=$1 autopsy=$2 tools=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
exec "$driver" "$here/run.js" --autopsy "$autopsy" --tools "$tools" --node "$node" --label "$label" "$@"
