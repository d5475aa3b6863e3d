#!/bin/bash
# Does a busy server lose anything? 1,000 requests a second, workers and child processes, while 30 snapshots are taken.
# usage: http.sh AUTOPSY_SNAPSHOT [NODE_MAJOR [SNAPSHOTS [RATE]]]
set -u
tool=$(readlink -f "$1") major=${2:-22} snapshots=${3:-30} rate=${4:-1000}
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" "$major") || exit 77
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/snapshot-http.XXXXXX")
pid=""
trap '[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
bad=0

cc -O2 -D_GNU_SOURCE -o "$dir/load" "$root/bench/snapshot/load.c" || exit 1
"$node" "$root/bench/snapshot/http.js" >"$dir/port" 2>"$dir/log" &
pid=$!
while ! [ -s "$dir/port" ]; do
	kill -0 $pid 2>/dev/null || { cat "$dir/log"; exit 1; }
	sleep 0.1
done
read -r port <"$dir/port"

# The same load without a snapshot: what this machine does anyway.
echo "alone:     $("$dir/load" "$port" "$rate" 5)"
"$dir/load" "$port" "$rate" 3600 >"$dir/result" &
load=$!
sleep 1
for i in $(seq "$snapshots"); do
	mode=$(printf 'auto\nfork\n' | sed -n "$((i % 2 + 1))p")
	rm -f "$dir/core"
	"$tool" snapshot "$pid" --mode "$mode" -o "$dir/core" --json >"$dir/json" 2>"$dir/err" || { cat "$dir/err"; bad=1; }
	sed -n 's/.*"mode":"\([a-z]*\)","pause_ms":\([0-9.]*\).*/\1 \2/p' "$dir/json" >>"$dir/pauses"
	sleep 0.1
done
kill $load
wait $load || bad=1
echo "snapshots: $(cat "$dir/result")"
sort -k1,1 -k2,2n "$dir/pauses" | awk '{ v[$1, ++n[$1]] = $2 } END { for (m in n) printf "%s: %d snapshots, pause least %.1f, median %.1f, longest %.1f ms\n", m, n[m], v[m, 1], v[m, int((n[m] + 1) / 2)], v[m, n[m]] }'
kill -USR2 $pid
for _ in $(seq 100); do grep -q children "$dir/port" && break; sleep 0.05; done
tail -1 "$dir/port"
grep -q ' 0 failed' "$dir/port" || bad=1
exit $bad
