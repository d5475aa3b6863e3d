#!/bin/bash
# Time and private memory of graph commands on a generated snapshot: run.sh AUTOPSY [MILLIONS OF NODES]
set -eu
autopsy=$1 millions=${2:-8}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cc -O2 -o "$dir/make" "$here/make.c"
"$dir/make" "$millions" >"$dir/big.heapsnapshot"
echo "file: $(($(stat -c %s "$dir/big.heapsnapshot") / 1000000)) MB, $millions M nodes, three times as many edges"
run() {
	local start end peak=0 now what=$1
	shift
	start=$(date +%s.%N)
	"$@" >"$dir/out" 2>&1 </dev/null &
	local pid=$!
	while kill -0 $pid 2>/dev/null; do
		now=$(awk '/^RssAnon/ { print $2 }' /proc/$pid/status 2>/dev/null || echo 0)
		[ "${now:-0}" -gt "$peak" ] && peak=$now
		sleep 0.02
	done
	wait $pid
	end=$(date +%s.%N)
	awk -v s="$start" -v e="$end" -v p="$peak" -v what="$what" \
		'BEGIN { printf "%-24s %6.2f s  %6.0f MB private\n", what, e - s, p / 1024 }'
}
run "cat" cat "$dir/big.heapsnapshot"
run "read, dominators" "$autopsy" "$dir/big.heapsnapshot" -e "dominators -n 5"
run "read, suspects" "$autopsy" "$dir/big.heapsnapshot" -e suspects
run "read, classes" "$autopsy" "$dir/big.heapsnapshot" -e "classes"
run "read, write" "$autopsy" "$dir/big.heapsnapshot" -e "heapsnapshot -f -o $dir/out.heapsnapshot"
