#!/bin/sh
# What autopsy-node costs a web server, and how long a crash takes: Node 20, 22 and 24, both tiers, interleaved.
# usage: npm.sh [PAIRS [REQUESTS [MAJOR ...]]]
set -u
pairs=${1:-20} requests=${2:-4000}
shift $(($# < 2 ? $# : 2))
root=$(cd "$(dirname "$0")/.." && pwd)
driver=$("$root/scripts/fetch-node.sh" 22) || exit 77
status=0
[ $# -gt 0 ] || set -- 20 22 24
for major; do
	node=$("$root/scripts/fetch-node.sh" "$major") || exit 77
	echo "autopsy-node on Node $("$node" --version), $pairs pairs of $requests requests, load $(cut -d' ' -f1 /proc/loadavg)"
	"$driver" "$root/npm/bench/http.js" --node "$node" "$pairs" "$requests" || status=1
	"$driver" "$root/npm/bench/exit.js" --node "$node" 10 || status=1
done
exit $status
