# shellcheck shell=sh
# Shared by the snapshot tests: find Node, start the probe, end only what was started here.
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/snapshot-test.XXXXXX") || exit 1
started=""
failed=0

cleanup() {
	for p in $started; do
		kill -9 "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	echo "FAIL $*"
	failed=1
}

ok() {
	echo "ok   $*"
}

find_node() {
	node=$("$root/scripts/fetch-node.sh" "$1" 2>/dev/null) || skip "no Node $1 here and none can be fetched"
	[ -x "$node" ] || skip "no Node $1 here"
}

wait_for() {
	# wait_for FILE
	n=0
	while [ ! -e "$1" ]; do
		n=$((n + 1))
		[ $n -gt 1200 ] && { fail "$1 did not appear"; exit 1; }
		sleep 0.05
	done
}

start_probe() {
	# start_probe HEAP_MB PAGES: sets pid, nonce, pages, witnesses
	rm -f "$dir/truth"
	"$node" "$root/tests/snapshot/probe.js" "$dir/truth" "$1" "$2" >"$dir/probe.log" 2>&1 &
	started="$started $!"
	wait_for "$dir/truth"
	read -r pid nonce pages witnesses <"$dir/truth"
	: "$witnesses"
}

gap() {
	# The largest gap between two timers since the last call, in ms, and the sequence number.
	rm -f "$dir/truth.gap"
	kill -USR2 "$pid"
	wait_for "$dir/truth.gap"
	cat "$dir/truth.gap"
}

# What must be the same before and after.
state_of() {
	grep -E '^(State|TracerPid|SigBlk|SigIgn|SigCgt)' "/proc/$1/status" | sed 's/State.*\([TtZX]\) .*/State \1/;s/State.*/State alive/'
	echo "fds $(find "/proc/$1/fd" -mindepth 1 | wc -l)"
	echo "children $(cat "/proc/$1/task/"*/children | wc -w)"
	echo "threads $(find "/proc/$1/task" -maxdepth 1 -mindepth 1 | wc -l)"
	echo "watched $(awk '/^VmFlags/ { if (/ uw/ || / um/) n++ } END { print n + 0 }' "/proc/$1/smaps")"
}

# Mappings that V8 marked MADV_DONTFORK ("dc"), one start address a line.
dontfork() {
	awk '/^[0-9a-f]+-/ { split($1, r, "-") } /^VmFlags/ { if (/ dc/) print r[1] }' "/proc/$1/smaps" | sort
}

# Those of the list in FILE that are still mapped and have lost the mark.
dontfork_lost() {
	awk '/^[0-9a-f]+-/ { split($1, r, "-") } /^VmFlags/ { if (!/ dc/) print r[1] }' "/proc/$1/smaps" |
		sort | comm -12 - "$2" | wc -l
}

alive() {
	# alive WHAT: the probe goes on counting
	a=$(gap | cut -d' ' -f2)
	sleep 0.2
	b=$(gap | cut -d' ' -f2)
	[ "$b" -gt "$a" ] || fail "$1: the process stands still ($a, $b)"
}
