#!/bin/sh
# ncore against running programs of one Node: what it dumps, what it refuses, and what it leaves behind.
# usage: ncore.sh MAJOR|debian AUTOPSY [WORD]
set -eu
label=$1 autopsy=$2 word=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
exec "$driver" "$here/ncore.js" "$node" "$autopsy" "$word"
