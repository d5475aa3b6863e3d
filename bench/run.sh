#!/bin/bash
# Opening a core and its stack: time and private memory, beside reading the same file once, in the same run.
# usage: run.sh BUILD_DIR [MEGABYTES]
#
# Fails if a bound of the project is broken: 0.5 s and 100 MB, whatever the size of the heap.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
megabytes=${2:-1024}
tools=$build/tests
node=$("$root/scripts/fetch-node.sh" "${BENCH_NODE:-22}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

make_core() {
	# make_core NAME MEGABYTES
	status=0
	"$tools/mkcore" -t 600 -o "$dir/$1" -- "$node" --max-old-space-size=16384 "$root/bench/heap.js" "$2" 2>"$dir/log" || status=$?
	if [ $status -eq 77 ]; then
		cat "$dir/log"
		exit 77
	elif [ $status -ne 0 ]; then
		tail -n 20 "$dir/log" >&2
		exit 1
	fi
}

row() {
	# row TITLE SECONDS KILOBYTES CAT_SECONDS
	awk -v t="$1" -v s="$2" -v k="$3" -v c="$4" 'BEGIN { printf "%-34s %8.3f s %8.2f x cat %8.1f MB private\n", t, s, s / c, k / 1024 }'
}

over() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

for core in "large $megabytes" "small 5"; do
	read -r name size <<<"$core"
	make_core "$name" "$size"
	file=$dir/$name
	cat "$file" >/dev/null # warm
	read -r cat_s cat_k _ < <("$tools/measure" -n 5 -- cat "$file")
	read -r bt_s bt_k status < <("$tools/measure" -n 5 -- "$build/autopsy" "$file" --json -e bt)
	read -r report_s report_k _ < <("$tools/measure" -n 5 -- "$build/autopsy" report "$file")
	echo "heap $size MB, core $(stat -c %s "$file" | awk '{ printf "%.0f", $1 / 1048576 }') MB ($(du -m "$file" | cut -f1) MB on disk), Node $("$node" --version), best of 5"
	row "  cat CORE >/dev/null" "$cat_s" "$cat_k" "$cat_s"
	row "  autopsy CORE -e bt" "$bt_s" "$bt_k" "$cat_s"
	row "  autopsy report CORE" "$report_s" "$report_k" "$cat_s"
	if [ "$status" -ne 0 ]; then
		echo "  FAIL: bt ended with $status"
		bad=1
	fi
	if over "$bt_s" 0.5; then
		echo "  FAIL: bt took more than 0.5 s"
		bad=1
	fi
	if over "$bt_k" 102400; then
		echo "  FAIL: bt took more than 100 MB of private memory"
		bad=1
	fi
	rm -f "$file"
done
exit $bad
