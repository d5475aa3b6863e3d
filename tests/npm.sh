#!/bin/sh
# The npm package's own tests on one Node.
# usage: npm.sh MAJOR [WORD]   only the cases whose name has WORD
set -eu
here=$(cd "$(dirname "$0")" && pwd)
driver=$("$here/../scripts/fetch-node.sh" 22)
node=$("$here/../scripts/fetch-node.sh" "$1")
exec "$driver" "$here/../npm/test/run.js" --node "$node" "${2:-}"
