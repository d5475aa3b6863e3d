#!/bin/bash
# kill -9 of the tool at many points of its run, half of them inside calls made in the target: each
# time the process goes on, unchanged but for a dead copy that `repair` takes away.
# usage: kill.sh NODE_MAJOR AUTOPSY_SNAPSHOT TOOLS_DIR [POINTS_PER_MODE]
set -u
. "$(dirname "$0")/lib.sh"
major=$1 tool=$2 tools=$3 points=${4:-30}
find_node "$major"
start_probe 10 1024
dontfork "$pid" >"$dir/dontfork"
before=$(state_of "$pid")
maps_before=$(grep -c . "/proc/$pid/maps")
killed=0 zombies=0

for mode in precopy fork; do
	for kind in ptrace any; do
		rm -f "$dir/core"
		"$tools/killat" 0 $kind "$dir/count" "$tool" snapshot "$pid" --mode $mode -o "$dir/core" >/dev/null 2>"$dir/err"
		[ -s "$dir/core" ] || { echo "skip $mode: $(tail -1 "$dir/err")"; continue; }
		count=$(cat "$dir/count")
		rm -f "$dir/core"
		for i in $(seq 1 $((points / 2 + 1))); do
			at=$((1 + (count - 1) * (i - 1) / (points / 2)))
			"$tools/killat" $at $kind "$dir/count" "$tool" snapshot "$pid" --mode $mode -o "$dir/core" >/dev/null 2>&1 &&
				killed=$((killed + 1))
			alive "$mode, killed at $kind call $at of $count"
			[ "$(awk '/^TracerPid/ { print $2 }' "/proc/$pid/status")" = 0 ] || fail "$mode $kind $at: still traced"
			n=0
			for child in $(cat "/proc/$pid/task/"*/children); do
				grep -q '^State.*Z' "/proc/$child/status" 2>/dev/null && n=$((n + 1))
			done
			zombies=$((zombies + n))
			if [ "$n" -gt 0 ]; then
				"$tool" repair "$pid" >/dev/null || fail "$mode $kind $at: repair failed"
			fi
			[ $failed = 0 ] || { echo "at $mode $kind $at"; break 3; }
			rm -f "$dir/core"
		done
	done
done
# The sequence in an idle thread ends by itself, at the latest after its three seconds.
sleep 4
after=$(state_of "$pid")
[ "$before" = "$after" ] || fail "left behind: $(printf '%s\n---\n%s' "$before" "$after")"
lost=$(dontfork_lost "$pid" "$dir/dontfork")
[ "$lost" -eq 0 ] || fail "$lost mappings are no longer MADV_DONTFORK"
maps_after=$(grep -c . "/proc/$pid/maps")
[ "$maps_after" -le $((maps_before + 40)) ] || fail "$maps_before mappings became $maps_after"
"$tool" snapshot "$pid" -o "$dir/last" >/dev/null 2>"$dir/err" || fail "no snapshot afterwards: $(cat "$dir/err")"
"$tools/coreprobe" "$dir/last" "$nonce" "$pages" >"$dir/probe" || fail "$(cat "$dir/probe")"
echo "killed $killed times, $zombies dead copies repaired, $(cat "$dir/probe")"
[ $killed -ge "$points" ] || fail "only $killed kills"
exit $failed
