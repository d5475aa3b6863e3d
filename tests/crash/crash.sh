#!/bin/sh
# Programs die under autopsy-node on one Node; the tool's answers about the crash file equal what they wrote down.
# usage: crash.sh MAJOR|debian AUTOPSY TOOLS_DIR [WORD]
set -eu
label=$1 autopsy=$2 tools=$3 word=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
exec "$driver" "$here/crash.js" "$node" "$autopsy" "$tools/mkcore" "$word"
