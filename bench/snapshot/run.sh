#!/bin/bash
# The pause that JavaScript feels: the three modes of `autopsy snapshot` in turn on the same process, then gcore, beside
# the largest gap without any tool. A gap is asked for when the tool has ended, so it covers all of its run, not only
# the stop. gcore comes last: what it reads becomes resident where the kernel has no zero page (file/anon is
# against what the kernel says right before each).
# usage: run.sh AUTOPSY_SNAPSHOT [NODE_MAJOR [ROUNDS [HEAP_MB ...]]]
set -u
tool=$(readlink -f "$1") major=${2:-22} rounds=${3:-5}
shift $(($# < 3 ? $# : 3))
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" "$major") || exit 77
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/snapshot-bench.XXXXXX")
pid=""
trap '[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

gap() {
	rm -f "$dir/truth.gap"
	kill -USR2 "$pid"
	while [ ! -e "$dir/truth.gap" ]; do sleep 0.02; done
	cut -d' ' -f1 "$dir/truth.gap"
}

middle() { sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)]; else print "-" }'; }
least() { sort -n | head -1; }

echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors, kernel $(uname -r), Node $("$node" --version)"
printf '%-8s %-8s %10s %10s %10s %9s %8s %8s %9s %9s\n' heap mode gap-min gap-med pause-med file/anon wall-s tool-MB copied-MB rounds
for heap in "${@:-200 1000 3000}"; do for mb in $heap; do
	rm -f "$dir/truth"
	"$node" --max-old-space-size=8000 "$root/tests/snapshot/probe.js" "$dir/truth" "$mb" 16 >/dev/null 2>&1 &
	pid=$!
	while [ ! -e "$dir/truth" ]; do
		kill -0 $pid 2>/dev/null || { echo "no process of $mb MB could be made"; continue 2; }
		sleep 0.1
	done
	sleep 3
	for round in $(seq "$((rounds + 2))"); do
		modes="idle precopy fork direct"
		if [ "$round" -gt "$rounds" ]; then
			modes=gcore
			command -v gcore >/dev/null || break
		fi
		for mode in $modes; do
			rm -f "$dir/core"*
			anon=$(awk '/^RssAnon/ { print $2 * 1024 }' /proc/$pid/status)
			gap >/dev/null
			case $mode in
			idle) sleep 1 ;;
			gcore)
				/usr/bin/env time -f '%e %M' -o "$dir/time" gcore -o "$dir/core" "$pid" >/dev/null 2>&1
				echo 0 >>"$dir/gcore.pause"
				;;
			*)
				/usr/bin/env time -f '%e %M' -o "$dir/time" "$tool" snapshot "$pid" --mode $mode \
					-o "$dir/core" --json >"$dir/json" 2>"$dir/err" || { cat "$dir/err"; continue; }
				grep -o '"pause_ms":[0-9.]*' "$dir/json" | cut -d: -f2 >>"$dir/$mode.pause"
				grep -o '"paused_bytes":[0-9]*' "$dir/json" | cut -d: -f2 >>"$dir/$mode.dirty"
				;;
			esac
			gap >>"$dir/$mode.gap"
			[ $mode = idle ] && continue
			tail -1 "$dir/time" | cut -d' ' -f1 >>"$dir/$mode.wall"
			tail -1 "$dir/time" | cut -d' ' -f2 >>"$dir/$mode.rss"
			stat -c %s "$dir/core"* | awk -v a="$anon" '{ printf "%.2f\n", $1 / a }' >>"$dir/$mode.size"
		done
	done
	for mode in idle precopy fork direct gcore; do
		[ -e "$dir/$mode.gap" ] || continue
		if [ $mode = idle ]; then
			printf '%-8s %-8s %10s %10s\n' "$mb" idle "$(least <"$dir/idle.gap")" "$(middle <"$dir/idle.gap")"
			continue
		fi
		printf '%-8s %-8s %10s %10s %10.1f %9s %8s %8.0f %9s %9s\n' "$mb" $mode \
			"$(least <"$dir/$mode.gap")" "$(middle <"$dir/$mode.gap")" "$(middle <"$dir/$mode.pause")" \
			"$(middle <"$dir/$mode.size")" "$(middle <"$dir/$mode.wall")" \
			"$(middle <"$dir/$mode.rss" | awk '{ print $1 / 1000 }')" \
			"$([ -e "$dir/$mode.dirty" ] && middle <"$dir/$mode.dirty" | awk '{ printf "%.1f", $1 / 1e6 }' || echo -)" "$(wc -l <"$dir/$mode.gap")"
	done
	kill -9 $pid
	wait $pid 2>/dev/null
	pid=""
	rm -f "$dir"/*.gap "$dir"/*.pause "$dir"/*.wall "$dir"/*.rss "$dir"/*.size "$dir"/*.dirty "$dir/core"*
done; done
