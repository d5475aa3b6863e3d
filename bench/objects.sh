#!/bin/bash
# The whole heap: first `objects`, later queries and `refs`, beside reading the same core once, in the same run.
# usage: objects.sh BUILD_DIR [MEGABYTES ...]
#
# Fails if a bound of the project is broken: 5 x cat, private memory under half the core, later queries under 1 s,
# references to an object with a million referrers under 2 s.
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

check() {
	# check TITLE ACTUAL BOUND
	if over "$2" "$3"; then
		echo "  FAIL: $1: $2, the bound is $3"
		bad=1
	fi
}

for megabytes in "${@:-1024}"; do
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
	size=$(stat -c %s "$file")
	read -r open_s _ _ < <(run -e info)
	read -r walk_s _ _ < <(run -e heap)
	read -r first_s first_k _ < <(run -e objects)
	read -r second_s _ _ < <(run -e objects -e objects)
	read -r refs_s _ _ < <(run -e "refs $address")
	read -r later_s _ _ < <(run -e "refs $address" -e "refs $address")
	awk -v n="$objects" -v i="$index" -v s="$size" -v c="$cat_s" -v o="$open_s" -v w="$walk_s" -v f="$first_s" \
		-v k="$first_k" -v g="$second_s" -v r="$refs_s" -v l="$later_s" 'BEGIN {
		printf "heap: %.1f million objects, core %.0f MB\n", n / 1e6, s / 1048576
		printf "  %-34s %8.3f s\n", "cat CORE >/dev/null", c
		printf "  %-34s %8.3f s %8.2f x cat  %.1f million objects a second, %.2f bytes an object\n", "autopsy -e heap", w, w / c, n / 1e6 / (w - o), i / n
		printf "  %-34s %8.3f s %8.2f x cat %8.1f MB private (%.0f %% of the core)\n", "autopsy -e objects (first)", f, f / c, k / 1024, 100 * k * 1024 / s
		printf "  %-34s %8.3f s\n", "objects (later)", g - f
		printf "  %-34s %8.3f s\n", "refs, many referrers (later)", l - r
	}'
	check "first objects, x cat" "$(awk -v f="$first_s" -v c="$cat_s" 'BEGIN { print f / c }')" 5
	check "private kilobytes" "$first_k" "$((size / 2048))"
	check "later objects, s" "$(awk -v a="$second_s" -v b="$first_s" 'BEGIN { print a - b }')" 1
	check "refs, s" "$(awk -v a="$later_s" -v b="$refs_s" 'BEGIN { print a - b }')" 2
	rm -f "$file"
done
exit $bad
