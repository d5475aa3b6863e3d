#!/bin/bash
# The whole heap: first `objects`, later queries and `refs`, beside reading the same core once, in the same run.
# usage: objects.sh BUILD_DIR [MEGABYTES ...]
#
# Fails if a bound of the project is broken: 5 x cat, private memory under half the core, later queries under 1 s,
# references to an object with a million referrers under 2 s, time and memory an object that grow with the heap.
# Without sizes: 0.1, 1 and 3 GB. The bounds are those of 1 GB; the others show that all grows linearly.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
shift
tools=$build/tests
node=$("$root/scripts/fetch-node.sh" "${BENCH_NODE:-22}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

over() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

run() {
	# run OPTION ... -> seconds kilobytes status
	"$tools/measure" -n 3 -- "$build/autopsy" "$file" --json "$@"
}

# One session that is asked again and again; each answer is one line.
ask() {
	# ask COMMAND -> sets `took` to the seconds
	local before=$EPOCHREALTIME answer
	echo "$1" >&"${session[1]}"
	read -r -t 600 answer <&"${session[0]}" || return 1
	case $answer in *'"data":null'*) echo "  FAIL: $1: ${answer:0:200}" && return 1 ;; esac
	took=$(awk -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
}

check() {
	# check TITLE ACTUAL BOUND
	if over "$2" "$3"; then
		echo "  FAIL: $1: $2, the bound is $3"
		bad=1
	fi
}

[ $# -gt 0 ] || set -- 102 1024 3072
declare -A time_of memory_of
for megabytes; do
	file=$dir/core
	status=0
	"$tools/mkcore" -t 600 -o "$file" -- "$node" --max-old-space-size=16384 "$root/bench/objects.js" "$megabytes" 2>"$dir/log" || status=$?
	if [ $status -ne 0 ]; then
		tail -n 20 "$dir/log"
		exit $status
	fi
	cat "$file" >/dev/null
	read -r cat_s _ _ < <("$tools/measure" -n 3 -- cat "$file")
	"$build/autopsy" "$file" --json -e heap >"$dir/heap.json"
	address=$("$build/autopsy" "$file" -e 'instances Popular' | awk '/^0x/ { print $1; exit }')
	objects=$(grep -o '"objects": *[0-9]*' "$dir/heap.json" | grep -o '[0-9]*$' | sort -n | tail -n 1)
	index=$(grep -o '"index_bytes": *[0-9]*' "$dir/heap.json" | grep -o '[0-9]*$')
	seconds=$(grep -o '"seconds": *[0-9.e-]*' "$dir/heap.json" | grep -o '[0-9.e-]*$')
	size=$(stat -c %s "$file")
	read -r open_s _ _ < <(run -e info)
	read -r walk_s _ _ < <(run -e heap)
	read -r first_s first_k _ < <(run -e objects)
	coproc session { "$build/autopsy" "$file" --json 2>/dev/null; }
	ask "objects Popular"
	ask "objects Popular"
	later_s=$took
	ask "refs -n 10 $address"
	refs_s=$took
	echo quit >&"${session[1]}"
	# shellcheck disable=SC2154  # coproc sets it
	wait "$session_PID" 2>/dev/null || true
	awk -v n="$objects" -v i="$index" -v s="$size" -v c="$cat_s" -v o="$seconds" -v w="$walk_s" -v f="$first_s" \
		-v k="$first_k" -v r="$refs_s" -v l="$later_s" 'BEGIN {
		printf "heap: %.1f million objects, core %.0f MB\n", n / 1e6, s / 1048576
		printf "  %-34s %8.3f s\n", "cat CORE >/dev/null", c
		printf "  %-34s %8.3f s %8.2f x cat  %.1f million objects a second, %.2f bytes an object\n", "autopsy -e heap", w, w / c, n / 1e6 / o, i / n
		printf "  %-34s %8.3f s %8.2f x cat %8.1f MB private (%.0f %% of the core)\n", "autopsy -e objects (first)", f, f / c, k / 1024, 100 * k * 1024 / s
		printf "  %-34s %8.3f s\n", "objects (later)", l
		printf "  %-34s %8.3f s\n", "refs, many referrers (later)", r
	}'
	time_of[$megabytes]=$(awk -v f="$first_s" -v o="$open_s" -v n="$objects" 'BEGIN { print (f - o) / n * 1e9 }')
	memory_of[$megabytes]=$(awk -v k="$first_k" -v n="$objects" 'BEGIN { print k * 1024 / n }')
	if [ "$megabytes" -ne 1024 ] && [ $# -gt 1 ]; then
		rm -f "$file"
		continue
	fi
	check "first objects, x cat" "$(awk -v f="$first_s" -v c="$cat_s" 'BEGIN { print f / c }')" 5
	check "private kilobytes" "$first_k" "$((size / 2048))"
	check "later objects, s" "$later_s" 1
	check "refs, s" "$refs_s" 2
	rm -f "$file"
done
if [ $# -gt 1 ]; then
	last=${!#}
	echo "an object costs:"
	for megabytes; do
		printf '  %5d MB %10.0f ns %10.2f bytes of private memory\n' "$megabytes" "${time_of[$megabytes]}" "${memory_of[$megabytes]}"
	done
	# From 1 GB on, where starting no longer weighs.
	[ -z "${time_of[1024]:-}" ] || check "ns an object at $last MB" "${time_of[$last]}" "$(awk -v t="${time_of[1024]}" 'BEGIN { print 1.5 * t }')"
fi
exit $bad
