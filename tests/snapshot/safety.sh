#!/bin/bash
# Targets that are hard to take, and refusals that must name their fact.
# usage: safety.sh AUTOPSY_SNAPSHOT TOOLS_DIR
set -u
. "$(dirname "$0")/lib.sh"
tool=$1 tools=$2 target=""

start() {
	# start KIND [N]: sets pid
	rm -f "$dir/ready"
	if [ -n "$target" ]; then
		# The one before has done its part; some are busy, and hold up the rest of the test.
		kill -9 "$target" 2>/dev/null
		wait "$target" 2>/dev/null
		started=${started% "$target"}
	fi
	"$tools/target" "$1" "$dir/ready" "${2:-}" >"$dir/log" 2>&1 &
	target=$!
	started="$started $target"
	wait_for "$dir/ready"
	read -r pid _ <"$dir/ready"
}

take() {
	# take MODE [MORE...]: into $dir/core, messages in $dir/err
	# A thread that does not run for a quarter of a second on a busy machine is a refusal, not a fault: asked again.
	for _ in 1 2 3; do
		rm -f "$dir/core"
		"$tool" snapshot "$pid" --mode "$@" -o "$dir/core" --json >"$dir/json" 2>"$dir/err"
		taken=$?
		grep -q 'of process .* did not stop within' "$dir/err" || break
	done
	return $taken
}

says() {
	# says WHAT PATTERN
	if grep -Eq "$2" "$dir/err"; then ok "$1: $(head -1 "$dir/err")"; else fail "$1: $(cat "$dir/err")"; fi
}

runs() {
	# runs WHAT: neither stopped nor traced nor gone
	state=$(awk '/^State/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
	case $state in
	R | S | D) ;;
	*) fail "$1: state ${state:-gone}" ;;
	esac
	[ "$(awk '/^TracerPid/ { print $2 }' "/proc/$pid/status")" = 0 ] || fail "$1: still traced"
}

holds() {
	# holds CORE TEXT COUNT
	n=$(grep -aoc "$2" "$1")
	[ "$n" -eq "$3" ] || fail "$2: $n times in the core, expected $3"
}

modes="precopy fork direct"
start single
take precopy || modes="fork direct"

for mode in $modes; do
	start single
	if take $mode; then ok "one busy thread, $mode"; else fail "one busy thread, $mode: $(cat "$dir/err")"; fi
	sleep 0.2
	runs "one busy thread, $mode"

	start kinds
	take $mode || fail "kinds, $mode: $(cat "$dir/err")"
	for w in PRIVATE SHARED PROTNONE NOFORK; do holds "$dir/core" "$w-WITNESS-9f3a" 1; done
	holds "$dir/core" DONTDUMP-WITNESS-9f3a 0
	[ "$(stat -c %s "$dir/core")" -lt 10000000 ] || fail "kinds, $mode: reservations were written out"
	runs "kinds, $mode"
	ok "kinds, $mode"

	start reserve 20
	"$tools/target" readall "$dir/read" "$pid" || fail "reserve, $mode: cannot be read"
	take $mode || fail "reserve, $mode: $(cat "$dir/err")"
	for w in OPEN CLOSED; do holds "$dir/core" "$w-WITNESS-9f3a" 1; done
	size=$(stat -c %s "$dir/core") disk=$(($(stat -c %b "$dir/core") * 512))
	anon=$(awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$pid/status")
	[ "$size" -le $((anon * 105 / 100 + 2000000)) ] || fail "reserve, $mode: $size bytes for $anon resident"
	[ "$disk" -le 10000000 ] || fail "reserve, $mode: $disk bytes on disk for some pages in use"
	runs "reserve, $mode"
	ok "reservations that somebody has read, $mode: file $((size >> 10)), disk $((disk >> 10)) KB"

	start maps 12000
	if take $mode; then
		n=$(grep -ao MAPPINGWITNESS "$dir/core" | wc -l)
		[ "$n" -ge 12000 ] || fail "12,000 mappings, $mode: $n witnesses"
		ok "12,000 mappings, $mode: $(grep -o '"pause_ms":[0-9.]*' "$dir/json")"
	else
		fail "12,000 mappings, $mode: $(cat "$dir/err")"
	fi
	runs "12,000 mappings, $mode"

	start churn
	good=0
	for _ in 1 2 3 4 5; do
		take $mode && good=$((good + 1))
		runs "threads that come and go, $mode"
	done
	[ $good -ge 4 ] || fail "threads that come and go, $mode: $good of 5: $(cat "$dir/err")"
	ok "threads that come and go, $mode: $good of 5"

	start late
	for _ in $(seq 30); do
		take $mode || fail "memory that comes late, $mode: status $taken: $(cat "$dir/err" "$dir/json")"
	done
	runs "memory that comes late, $mode"
	ok "memory that comes late, $mode"

	start timers
	for _ in $(seq 10); do take $mode || fail "timers, $mode: $(cat "$dir/err")"; done
	rm -f "$dir/ready"
	kill -USR2 "$pid"
	wait_for "$dir/ready"
	read -r _ alarms reads bad <"$dir/ready"
	[ "$bad" -eq 0 ] || fail "timers, $mode: $bad of $reads reads went wrong"
	[ "$alarms" -gt 10 ] || fail "timers, $mode: only $alarms alarms"
	ok "timers, $mode: $alarms alarms, $reads reads, none wrong"
done

# Over 65,534 segments: the number of headers does not fit the ELF header. The kernel's own limit of mappings is
# raised for the moment.
limit=$(cat /proc/sys/vm/max_map_count)
restore_limit() { [ "$limit" -gt 140000 ] || echo "$limit" >/proc/sys/vm/max_map_count; }
if [ "$limit" -gt 140000 ] || { echo 200000 >/proc/sys/vm/max_map_count; } 2>/dev/null; then
	trap 'cleanup; restore_limit' EXIT
	start maps 66000
	# precopy gives up on so many mappings when the machine is busy (its threads wait for the lock of the address
	# space and do not stop in time); auto goes on with the next mode then.
	for mode in direct auto; do
		take $mode --max-pause 30000 || { fail "66,000 mappings, $mode: $(cat "$dir/err")"; continue; }
		readelf -h "$dir/core" 2>/dev/null | grep -Eq 'Number of program headers: *65535 \((6[6-9]|[7-9][0-9])[0-9]{3}\)' ||
			fail "66,000 mappings, $mode: $(readelf -h "$dir/core" | grep program)"
		n=$(grep -ao MAPPINGWITNESS "$dir/core" | wc -l)
		[ "$n" -ge 66000 ] || fail "66,000 mappings, $mode: $n witnesses"
		runs "66,000 mappings, $mode"
		ok "66,000 mappings, $mode: $(grep -o '"pause_ms":[0-9.]*' "$dir/json"), $(grep -o '"segments":[0-9]*' "$dir/json")"
	done
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	target=""
	restore_limit
	trap cleanup EXIT
else
	echo "skip 66,000 mappings: vm.max_map_count is $limit and may not be raised"
fi

start seccomp
take auto
ok "a filter that forbids: $(grep -o '"mode":"[a-z]*"' "$dir/json")"
[ -s "$dir/core" ] || fail "a filter that forbids: no core"
runs "a filter that forbids"
start killer
take auto
[ -s "$dir/core" ] || fail "a filter that kills: $(cat "$dir/err")"
runs "a filter that kills"
ok "a filter that kills: $(grep -o '"mode":"[a-z]*"' "$dir/json")"

start single
kill -STOP "$pid"
sleep 0.1
take auto || fail "a stopped process: $(cat "$dir/err")"
says "a stopped process" 'state T'
[ "$(awk '/^State/ { print $2 }' "/proc/$pid/status")" = T ] || fail "a stopped process was set going"
kill -CONT "$pid"
sleep 0.1
runs "a stopped process"

start vfork
sleep 0.5
if take auto; then
	ok "between vfork and exec: a core all the same"
else
	says "between vfork and exec" 'did not stop within'
fi
runs "between vfork and exec"

# A pause that would be too long is not taken.
start rewrite 600
take direct --max-pause 20 && fail "--max-pause: not kept"
says "--max-pause" 'limit'
[ -e "$dir/core" ] && fail "--max-pause: a partial file under the final name"
runs "--max-pause"

# Refusals.
"$tool" snapshot 4194000 -o "$dir/core" 2>"$dir/err" && fail "a pid that is not there"
says "no such process" 'no process'
"$tool" snapshot no-such-node-program 2>"$dir/err" && fail "a name that is not there"
says "no such name" 'no Node process'
"$tool" snapshot $$ --mode nonsense 2>"$dir/err"
[ $? -eq 64 ] || fail "a mode that is not there: not 64"
start churn
tid=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | grep -v "^$pid$" | head -1)
"$tool" snapshot "$tid" -o "$dir/core" 2>"$dir/err" && fail "a thread"
says "a thread" 'thread of process|no process'
kthread=$(awk '$1 == "Kthread:" { print FILENAME }' /proc/[0-9]*/status 2>/dev/null | head -1)
[ -d /proc/2 ] && grep -q kthreadd /proc/2/comm && {
	"$tool" snapshot 2 -o "$dir/core" 2>"$dir/err" && fail "a kernel thread"
	says "a kernel thread" 'kernel|cannot'
}
: "$kthread"
(sh -c ':' & exec sleep 5) &
started="$started $!"
sleep 0.3
z=$(cat "/proc/$!/task/$!/children")
if [ -n "$z" ] && grep -q '^State.*Z' "/proc/${z%% *}/status"; then
	"$tool" snapshot "${z%% *}" -o "$dir/core" 2>"$dir/err" && fail "a zombie"
	says "a zombie" 'has ended'
fi
start single
"$tools/holdtrace" "$pid" "$dir/held" &
holder=$!
started="$started $holder"
wait_for "$dir/held"
"$tool" snapshot "$pid" -o "$dir/core" 2>"$dir/err" && fail "a traced process"
says "a traced process" "traced by holdtrace, pid $holder"
kill $holder
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1 && command -v setpriv >/dev/null; then
	chmod 755 "$dir"
	cp "$tool" "$dir/tool"
	as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all"
	$as_nobody "$dir/tool" snapshot "$pid" -o /dev/null 2>"$dir/err" && fail "another's process"
	says "another's process" 'belongs to root, we are nobody'
	# Unprivileged, one's own.
	mkdir -m 777 "$dir/own"
	cp "$tools/target" "$dir/target"
	$as_nobody "$dir/target" single "$dir/own/ready" &
	started="$started $!"
	wait_for "$dir/own/ready"
	read -r pid _ <"$dir/own/ready"
	for mode in $modes; do
		$as_nobody "$dir/tool" snapshot "$pid" --mode $mode -o "$dir/own/core" --force >/dev/null 2>"$dir/err" ||
			fail "unprivileged, one's own, $mode: $(cat "$dir/err")"
		ok "unprivileged, one's own, $mode"
	done
	runs "unprivileged"
	if command -v setcap >/dev/null && setcap cap_net_bind_service+ep "$dir/target" 2>/dev/null; then
		rm -f "$dir/own/ready"
		$as_nobody "$dir/target" single "$dir/own/ready" &
		started="$started $!"
		wait_for "$dir/own/ready"
		read -r pid _ <"$dir/own/ready"
		$as_nobody "$dir/tool" snapshot "$pid" -o "$dir/own/core2" 2>"$dir/err" && fail "file capabilities"
		says "file capabilities" 'not dumpable|capabilities that we lack'
	else
		echo "skip file capabilities: setcap does not work here"
	fi
else
	echo "skip other users: not root, or no setpriv"
fi
exit $failed
