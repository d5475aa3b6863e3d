#!/bin/bash
# Why is it alive: suspects and the written snapshot of a core, and later queries, beside reading the same core once
# and beside v8.writeHeapSnapshot of the same heap, in one run.
# usage: core.sh BUILD_DIR [MEGABYTES ...]      0.1 and 1 GB without sizes; BENCH_V8=1: V8's snapshot of all sizes, not
#                                               only of the first (it takes minutes and ten times the memory at 1 GB)
#
# Fails if a bound of the project is broken, on heaps of 1 GB: 20 s, private memory of the core's size, 1 s for each
# later query; and if an object of the last heap costs half again as much as one of the first.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
shift
tools=$build/tests
node=$("$root/scripts/fetch-node.sh" "${BENCH_NODE:-22}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
file=$dir/core
bad=0

over() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

check() {
	# check TITLE ACTUAL BOUND
	if over "$2" "$3"; then
		echo "  FAIL: $1: $2, the bound is $3"
		bad=1
	fi
}

row() {
	# row TITLE SECONDS KILOBYTES FILE_BYTES
	awk -v t="$1" -v s="$2" -v k="$3" -v f="$4" -v c="$cat_s" -v size="$size" 'BEGIN {
		printf "  %-28s %8.2f s %8.1f x cat %8.0f MB private (%.2f x the core)", t, s, s / c, k / 1024, k * 1024 / size
		if (f > 0) printf ", file %.0f MB", f / 1048576
		print ""
	}'
}

# One session that is asked again and again; each answer is one line.
ask() {
	# ask COMMAND -> sets `took` to the seconds and `answer`
	local before=$EPOCHREALTIME
	echo "$1" >&"${session[1]}"
	read -r -t 600 answer <&"${session[0]}" || return 1
	case $answer in *'"data":null'*) echo "  FAIL: $1: ${answer:0:200}" && return 1 ;; esac
	took=$(awk -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
}

[ $# -gt 0 ] || set -- 102 1024
first=$1
declare -A time_of memory_of
for megabytes; do
	status=0
	"$tools/mkcore" -t 600 -o "$file" -- "$node" --max-old-space-size=16384 "$root/bench/graph/heap.js" "$megabytes" 2>"$dir/log" || status=$?
	if [ $status -ne 0 ]; then
		tail -n 20 "$dir/log"
		exit $status
	fi
	size=$(stat -c %s "$file")
	cat "$file" >/dev/null
	read -r cat_s _ _ < <("$tools/measure" -n 3 -- cat "$file")
	read -r suspects_s suspects_k status < <("$tools/measure" -n 1 -- "$build/autopsy" "$file" --json -e suspects)
	[ "$status" -eq 0 ] || check "suspects ended with" "$status" 0
	read -r write_s write_k status < <("$tools/measure" -n 1 -- "$build/autopsy" "$file" --json -e "heapsnapshot -o $dir/ours")
	[ "$status" -eq 0 ] || check "heapsnapshot ended with" "$status" 0
	written=$(stat -c %s "$dir/ours")
	rm -f "$dir/ours"
	coproc session { exec "$build/autopsy" "$file" --json 2>/dev/null; }
	# shellcheck disable=SC2154  # coproc sets it
	pid=$session_PID
	ask suspects
	point=$(grep -o '"point":{"id":[0-9]*,"address":"0x[0-9a-f]*"' <<<"$answer" | head -n 1 | grep -o '0x[0-9a-f]*')
	objects=$(grep -o '"total":{"count":[0-9]*' <<<"$answer" | grep -o '[0-9]*$')
	slowest=0 slow=
	for query in suspects "why $point" "retained $point" "dominators $point" "paths Order" classes "duplicates -n 5"; do
		# The first time some of it is worked out.
		ask "$query"
		ask "$query"
		if over "$took" "$slowest"; then
			slowest=$took slow=$query
		fi
	done
	echo quit >&"${session[1]}"
	wait "$pid" 2>/dev/null || true
	awk -v n="$objects" -v s="$size" -v c="$cat_s" 'BEGIN { printf "heap: %.1f million live objects, core %.0f MB, read in %.2f s\n", n / 1e6, s / 1048576, c }'
	row suspects "$suspects_s" "$suspects_k" 0
	row heapsnapshot "$write_s" "$write_k" "$written"
	awk -v s="$slowest" -v q="$slow" 'BEGIN { printf "  %-28s %8.2f s  (%s)\n", "later queries, the slowest", s, q }'
	if [ "$megabytes" = "$first" ] || [ -n "${BENCH_V8:-}" ]; then
		read -r v8_s v8_k < <("$node" --max-old-space-size=16384 "$root/bench/graph/heap.js" "$megabytes" "$dir/theirs" 2>/dev/null)
		row "v8.writeHeapSnapshot" "$v8_s" "$v8_k" "$(stat -c %s "$dir/theirs")"
		rm -f "$dir/theirs"
	fi
	rm -f "$file"
	time_of[$megabytes]=$(awk -v s="$suspects_s" -v n="$objects" 'BEGIN { print s / n * 1e9 }')
	memory_of[$megabytes]=$(awk -v k="$suspects_k" -v n="$objects" 'BEGIN { print k * 1024 / n }')
	[ "$megabytes" -ge 1024 ] || continue
	check "private kilobytes of suspects" "$suspects_k" "$((size / 1024))"
	check "private kilobytes of heapsnapshot" "$write_k" "$((size / 1024))"
	[ "$megabytes" -eq 1024 ] || continue
	check "suspects, s" "$suspects_s" 20
	check "heapsnapshot, s" "$write_s" 20
	check "later queries, s" "$slowest" 1
done
echo "an object costs:"
for megabytes; do
	printf '  %5d MB %10.0f ns %10.2f bytes of private memory\n' "$megabytes" "${time_of[$megabytes]}" "${memory_of[$megabytes]}"
done
last=${!#}
check "ns an object at $last MB" "${time_of[$last]}" "$(awk -v t="${time_of[$first]}" 'BEGIN { print 1.5 * t }')"
check "bytes an object at $last MB" "${memory_of[$last]}" "$(awk -v t="${memory_of[$first]}" 'BEGIN { print 1.5 * t }')"
exit $bad
