#!/bin/bash
# Targets in other pid, mount and user namespaces; the OOM killer; a hundred snapshots in a row.
# usage: containers.sh NODE_MAJOR AUTOPSY_SNAPSHOT TOOLS_DIR [ROUNDS]
set -u
. "$(dirname "$0")/lib.sh"
major=$1 tool=$2 tools=$3 rounds=${4:-100}
find_node "$major"
[ "$(id -u)" = 0 ] || skip "not root: no namespaces, no memory limits"

# --- a container: its own pids, mounts and users ---
inside_of() {
	# The process of this script's namespaces that runs probe.js in the container.
	for p in $(pgrep -P "$1") $(pgrep -P "$(pgrep -P "$1" | head -1)" 2>/dev/null); do
		[ "$(readlink "/proc/$p/exe")" = "$node" ] && echo "$p" && return
	done
}
for flags in "--pid --mount --fork --mount-proc" "--user --map-root-user --pid --mount --fork --mount-proc"; do
	rm -f "$dir/truth"
	# shellcheck disable=SC2086
	unshare $flags --kill-child "$node" "$root/tests/snapshot/probe.js" "$dir/truth" 10 512 >"$dir/log" 2>&1 &
	outer=$!
	started="$started $outer"
	n=0
	while [ ! -e "$dir/truth" ] && kill -0 $outer 2>/dev/null && [ $n -lt 400 ]; do sleep 0.05; n=$((n + 1)); done
	[ -e "$dir/truth" ] || { echo "skip unshare $flags: $(cat "$dir/log")"; continue; }
	read -r inner nonce pages _ <"$dir/truth"
	pid=$(inside_of $outer)
	[ -n "$pid" ] || { fail "unshare $flags: process not found"; continue; }
	before=$(state_of "$pid")
	for mode in precopy fork direct; do
		"$tool" snapshot "$pid" --mode $mode -o "$dir/core" --force >/dev/null 2>"$dir/err" || {
			if [ $mode = precopy ] && grep -q kernel "$dir/err"; then continue; fi
			fail "unshare $flags, $mode: $(cat "$dir/err")"
			continue
		}
		"$tools/coreprobe" "$dir/core" "$nonce" "$pages" >"$dir/probe" || fail "$mode: $(cat "$dir/probe")"
		if command -v gdb >/dev/null; then
			gdb -batch -nx "$node" "$dir/core" -ex 'info threads' 2>/dev/null | grep -q "LWP $inner)" ||
				fail "unshare $flags, $mode: the core does not know the process as $inner"
		fi
	done
	after=$(state_of "$pid")
	[ "$before" = "$after" ] || fail "unshare $flags: left behind: $(printf '%s\n---\n%s' "$before" "$after")"
	"$tool" ps --json | grep -o "\"pid\":$pid,\"pid_inside\":$inner,\"contained\":true" >/dev/null || fail "ps does not see it as contained"
	ok "unshare $flags: pid $pid is $inner inside"
	kill -9 "$outer" 2>/dev/null
done

# --- many in a row: nothing adds up ---
start_probe 10 512
before=$(state_of "$pid")
dontfork "$pid" >"$dir/dontfork"
maps_before=$(grep -c . "/proc/$pid/maps")
torn=0 done=0
for i in $(seq "$rounds"); do
	mode=$([ $((i % 2)) = 0 ] && echo fork || echo auto)
	"$tool" snapshot "$pid" --mode "$mode" -o "$dir/core" --force >"$dir/out" 2>"$dir/err" || {
		fail "round $i, $mode: status $?: $(cat "$dir/err" "$dir/out")"
		break
	}
	done=$((done + 1))
	"$tools/coreprobe" "$dir/core" "$nonce" "$pages" >"$dir/probe" || {
		torn=$((torn + 1))
		cat "$dir/probe"
	}
done
[ $torn = 0 ] || fail "$torn of $done pictures are not of one moment"
after=$(state_of "$pid")
[ "$before" = "$after" ] || fail "after $done: $(printf '%s\n---\n%s' "$before" "$after")"
lost=$(dontfork_lost "$pid" "$dir/dontfork")
[ "$lost" -eq 0 ] || fail "$lost mappings are no longer MADV_DONTFORK"
maps_after=$(grep -c . "/proc/$pid/maps")
[ "$maps_after" -le $((maps_before + 60)) ] || fail "$maps_before mappings became $maps_after"
ok "$done snapshots in a row: no zombie, descriptor, flag or mapping left, all consistent"

# --- memory runs out while a clone is read: the clone goes, the process stays ---
cg=/sys/fs/cgroup/memory/autopsy-test-$$
file=memory.limit_in_bytes
if ! { [ -d /sys/fs/cgroup/memory ] && mkdir "$cg" 2>/dev/null; }; then
	cg=/sys/fs/cgroup/autopsy-test-$$ file=memory.max
	mkdir "$cg" 2>/dev/null && [ -e "$cg/$file" ] || { rmdir "$cg" 2>/dev/null; cg=""; }
fi
if [ -z "$cg" ]; then
	echo "skip OOM: no memory control group can be made here"
	exit $failed
fi
drop_cg() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do rmdir "$cg" 2>/dev/null && break; sleep 0.2; done
}
trap 'cleanup; drop_cg' EXIT
(echo 0 >"$cg/cgroup.procs" && exec "$tools/target" rewrite "$dir/ready" 400) &
started="$started $!"
wait_for "$dir/ready"
read -r pid _ <"$dir/ready"
# What a snapshot costs the process's own group: precopy nothing, a clone what is rewritten meanwhile.
peak=$cg/memory.max_usage_in_bytes
if [ -e "$peak" ]; then
	for mode in precopy direct; do
		echo 0 >"$peak"
		before=$(cat "$cg/memory.usage_in_bytes")
		"$tool" snapshot "$pid" --mode $mode -o "$dir/peakcore" --force >/dev/null 2>"$dir/err" || {
			grep -q kernel "$dir/err" || fail "memory of the group, $mode: $(cat "$dir/err")"
			continue
		}
		growth=$(($(cat "$peak") - before))
		[ $growth -le 16000000 ] || fail "memory of the group, $mode: $growth bytes more"
		ok "memory of the group, $mode: $growth bytes more at its peak"
	done
	rm -f "$dir/peakcore"
fi
echo $((550 << 20)) >"$cg/$file"
clone_lives() {
	for c in $(cat "/proc/$pid/task/"*/children); do
		grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$c/status" 2>/dev/null && return 0
	done
	return 1
}
# A reader that takes its time, while the process rewrites everything; longer on a busy machine.
"$tool" snapshot "$pid" --mode fork -o - 2>"$dir/err" | {
	sleep 4
	n=0
	while clone_lives && [ $n -lt 150 ]; do sleep 0.2; n=$((n + 1)); done
	cat >/dev/null
}
if grep -q 'clone is gone' "$dir/err"; then ok "OOM: $(head -1 "$dir/err")"; else fail "OOM: $(cat "$dir/err")"; fi
kill -0 "$pid" 2>/dev/null || fail "OOM: the process was the victim"
[ "$(awk '/^State/ { print $2 }' "/proc/$pid/status")" != Z ] || fail "OOM: the process was the victim"
[ "$(cat "/proc/$pid/task/"*/children | wc -w)" = 0 ] || fail "OOM: a dead clone was left"
# Too little room for a clone at all: it says so and does without.
"$tool" snapshot "$pid" --mode fork -o "$dir/oomcore" 2>"$dir/err" >/dev/null && [ ! -s "$dir/oomcore" ] && fail "OOM: no core"
echo $((440 << 20)) >"$cg/$file" 2>/dev/null
"$tool" snapshot "$pid" --mode fork -o "$dir/oomcore2" 2>"$dir/err" >/dev/null
if grep -q 'there are .* left' "$dir/err"; then ok "no room: $(head -1 "$dir/err")"; else fail "no room: $(cat "$dir/err")"; fi
exit $failed
