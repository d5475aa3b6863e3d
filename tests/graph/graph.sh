#!/bin/sh
# Graph commands on the heap snapshots of one Node. The driver itself runs on Node 22.
# usage: graph.sh MAJOR|debian AUTOPSY
set -eu
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$1")
# What does not depend on the Node is tried once.
[ "$1" != 22 ] || set -- "$@" --full
exec "$driver" --max-old-space-size=4096 "$here/run.js" "$2" "$node" ${3+"$3"}
