#!/bin/bash
# Tests of mkcore itself. What would touch the kernel's settings works on a file that stands in for core_pattern.
# usage: mkcore.sh MKCORE
set -u
mkcore=$(readlink -f "$1")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
fail=0

is() {
	# is TITLE ACTUAL EXPECTED
	if [ "$2" = "$3" ]; then
		echo "ok   $1"
	else
		echo "FAIL $1: '$2', expected '$3'"
		fail=1
	fi
}

wait_for() {
	# until the command holds, five seconds at most
	for _ in $(seq 100); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}

# A core, by whatever way there is.
"$mkcore" -o a.core -- sh -c 'kill -ABRT $$' 2>log
status=$?
if [ $status -eq 77 ]; then
	echo "skip a core: $(cat log)"
	is "no core is left" "$(ls a.core 2>/dev/null)" ""
else
	is "a core: status" $status 0
	is "a core: it is one" "$(od -An -tx1 -j16 -N1 a.core | tr -d ' ')" 04
	is "nothing else is left" "$(find . -mindepth 1 | sort | tr '\n' ' ')" "./a.core ./log "
	touch go.not
	"$mkcore" -k 6 -w go -o b.core -- sh -c 'touch ../go; exec sleep 20' 2>log
	is "a core of a signal from outside" $? 0
	if command -v gdb >/dev/null; then
		"$mkcore" -m gdb -o "with space.core" -- sh -c 'kill -SEGV $$' 2>log
		is "a core by gdb" $? 0
		is "a core by gdb: it is one" "$(od -An -tx1 -j16 -N1 'with space.core' | tr -d ' ')" 04
	else
		echo "skip a core by gdb: there is no gdb"
	fi
fi

"$mkcore" -o c.core -- true 2>log
is "a program that does not die" $? 1
"$mkcore" -t 1 -o c.core -- sleep 30 2>log
is "a program that does not end" $? 1
is "no core of those" "$(ls c.core 2>/dev/null)" ""
"$mkcore" -o c.core 2>log
is "no program" $? 64
"$mkcore" -m magic -o c.core -- true 2>log
is "no such way" $? 64

# The pattern set for the moment.
pattern='|/usr/lib/collector %p %s'
export MKCORE_PATTERN_FILE=$dir/pattern
pattern_is() { [ "$(cat pattern)" = "$1" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }

echo "$pattern" >pattern
"$mkcore" -m pipe -o d.core -- sleep 1 2>/dev/null &
first=$!
wait_for pattern_is core.%p
is "set while one runs" "$(cat pattern)" core.%p
wait $first
is "put back when it ends" "$(cat pattern)" "$pattern"

"$mkcore" -m pipe -o d.core -- sleep 30 2>/dev/null &
first=$!
wait_for pattern_is core.%p
"$mkcore" -m pipe -o e.core -- sleep 2 2>/dev/null &
second=$!
sleep 0.5
kill -9 $first
wait $first 2>/dev/null
sleep 0.3
is "stays while another runs" "$(cat pattern)" core.%p
wait $second
is "put back by the last one, the first was killed with SIGKILL" "$(cat pattern)" "$pattern"

"$mkcore" -m pipe -o d.core -- sleep 30 2>/dev/null &
first=$!
wait_for pattern_is core.%p
kill -9 $first
wait $first 2>/dev/null
wait_for pattern_is "$pattern"
is "put back after SIGKILL" "$(cat pattern)" "$pattern"

"$mkcore" -m pipe -o d.core -- sleep 30 2>/dev/null &
first=$!
wait_for pattern_is core.%p
for child in $(cat "/proc/$first/task/$first/children"); do
	[ "$(cat "/proc/$child/comm")" = mkcore ] && kill -9 "$child"
done
kill -9 $first
wait $first 2>/dev/null
wait_for gone $first
is "left when the watchdog is killed as well" "$(cat pattern)" core.%p
sleep 0.2
"$mkcore" --restore
is "put back from the journal" "$(cat pattern)" "$pattern"

"$mkcore" -m pipe -o d.core -- sleep 1 2>/dev/null &
first=$!
wait_for pattern_is core.%p
echo somebody-else >pattern
wait $first
is "what somebody else set meanwhile stays" "$(cat pattern)" somebody-else
exit $fail
