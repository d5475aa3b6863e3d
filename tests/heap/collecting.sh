#!/bin/bash
# Cores taken in the middle of a collection: gdb stops Node inside the collector and writes them.
# usage: collecting.sh MAJOR AUTOPSY [STOP ...]     a stop: scavenge, marked, evacuate, update, sweep; all without one
set -eu
label=$1 autopsy=$(readlink -f "$2")
shift 2
[ $# -gt 0 ] || set -- scavenge marked evacuate update sweep
here=$(cd "$(dirname "$0")" && pwd)
command -v gdb >/dev/null || {
	echo "there is no gdb"
	exit 77
}
driver=$("$here/../../scripts/fetch-node.sh" 22)
node=$("$here/../../scripts/fetch-node.sh" "$label")
version=$("$node" -p process.versions.node)
dir=$(mktemp -d "${TMPDIR:-/tmp}/autopsy-heap-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# A function of the collector, and how often it is passed before the one that counts.
place() {
	case $1 in
	scavenge) echo "Scavenger::ScavengePage 60" ;;
	marked) echo "MarkCompactCollector::ClearNonLiveReferences 0" ;;
	evacuate) echo "Evacuator::EvacuatePage 5" ;;
	update) echo "MarkCompactCollector::UpdatePointersAfterEvacuation 0" ;;
	sweep) echo "Sweeper::RawSweep 4" ;;
	*) return 1 ;;
	esac
}

{
	echo "set pagination off"
	echo "set confirm off"
	echo "set breakpoint pending off"
	echo "handle SIGUSR1 SIGUSR2 SIGPIPE nostop noprint pass"
	n=0
	for stop; do
		read -r function passes < <(place "$stop")
		n=$((n + 1))
		[ $n -eq 1 ] || echo "delete"
		echo "break v8::internal::$function"
		echo "ignore $n $passes"
		if [ $n -eq 1 ]; then echo "run"; else echo "continue"; fi
		echo "gcore $stop"
	done
	echo "kill"
	echo "quit"
} >script
# One arena for malloc: each would be half a gigabyte of nothing in the core.
MALLOC_ARENA_MAX=1 timeout 200 gdb -nx -q -batch -x script --args "$node" "$here/collect.js" >log 2>&1 </dev/null || true
if grep -q "ptrace: Operation not permitted" log; then
	echo "gdb may not trace here"
	exit 77
fi
bad=0
for stop; do
	if [ ! -s "$stop" ]; then
		echo "FAIL $stop: no core"
		tail -n 5 log
		bad=1
		continue
	fi
	"$driver" "$here/collecting-check.js" "$autopsy" "$stop" "$version" || bad=1
	rm -f "$stop"
done
exit $bad
