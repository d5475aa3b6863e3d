#!/bin/bash
# The kernel's handler with a real core_pattern, set for the moment of each crash: what it keeps, what it refuses, and that
# whatever happens nothing half-written has a name and the dying process is let go.
# usage: handle.sh AUTOPSY TOOLS_DIR [faults]
# FLEET_POINTS (20) kills of each half, FLEET_LOOP (100) crashes in a loop, FLEET_HUGE=1 a core over 4 GB.
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
what=${3:-all}
here=$(cd "$(dirname "$0")" && pwd)
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1
[ "$(id -u)" = 0 ] || { echo "skipped: core_pattern needs root"; exit 77; }
dir=$(mktemp -d /tmp/apf.XXXX) || exit 1
mounted=
trap '[ -n "$mounted" ] && { fsfreeze -u "$mounted" 2>/dev/null; umount "$mounted"; }; rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
mkdir work
chmod 777 work
mark=AUTOPSY_TEST=$$
export AUTOPSY_TEST=$$

# config LINE ...: only our own processes are captured; everybody else's cores go where they went before.
config() {
	{
		echo "spool = $dir/spool"
		echo "reserve = 1%"
		echo "chain = $(head -n 1 /proc/sys/kernel/core_pattern)"
		for line in "$@"; do echo "${line//MARK/$mark}"; done
		echo "rule = capture env $mark"
		echo "rule = pass any"
	} >c
}

pattern="|$autopsy handle -c$dir/c %P %p %I %u %g %s %t %d %c F%F %h %e"
# The handler's last words come after the process was let go.
settle() {
	for _ in $(seq 200); do
		pgrep -f "$autopsy handle -c$dir/c" >/dev/null || return
		sleep 0.05
	done
}
moment() {
	local status
	(cd work && "$tools/corepattern" "$pattern" "$@")
	status=$?
	settle
	return $status
}
crash() { moment "$tools/crasher" "$@" >/dev/null 2>&1; }
crashes() { find spool/crashes -mindepth 1 -maxdepth 1 -name '[0-9a-f]*' 2>/dev/null | sort; }
last() { crashes | tail -n 1; }
fresh() { settle; rm -rf spool; }
# json FILE EXPRESSION
json() { "$node" -e 'const d = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")); console.log(eval(process.argv[2]));' "$1" "$2"; }
state() { json "$(last)/state.json" "d.$1"; }
meta() { json "$(last)/meta.json" "d.$1"; }

# Whatever has a final name is whole: JSON that parses, frames that unpack.
sound() {
	local d f
	for d in $(crashes); do
		for f in "$d"/*.json; do
			json "$f" 1 >/dev/null 2>&1 || { bad "$1: $f is no JSON"; return; }
		done
		[ -f "$d/meta.json" ] || { bad "$1: $d without meta.json"; return; }
		for f in "$d"/*.zst; do
			[ -f "$f" ] || continue
			zstd -qt "$f" 2>/dev/null || { bad "$1: $f does not unpack"; return; }
		done
	done
}

config
moment true
status=$?
[ $status -eq 77 ] && { echo "skipped: core_pattern cannot be set here"; exit 77; }

if [ "$what" = all ]; then
	# A Node process: minicore and full core tell the same stack.
	cat >work/boom.js <<-'JS'
	function inner(x) { throw new Error('kaputt ' + x); }
	function outer(x) { return inner(x + 1); }
	outer(41);
	JS
	DB_PASSWORD=hunter2 moment "$node" --abort-on-uncaught-exception boom.js --token hunter2 >/dev/null 2>&1
	d=$(last)
	is "a crash of Node: state" "$(state core)" whole
	is "a crash of Node: files" "$(cd "$d" && echo *)" "core.zst meta.json mini.core.zst state.json"
	sound "a crash of Node"
	is "its size is what its headers say" "$(zstd -dc "$d/core.zst" | wc -c)" "$(state core_bytes)"
	for f in core mini.core; do
		"$autopsy" "$d/$f.zst" --json -e bt | "$node" -e '
			const d = JSON.parse(require("fs").readFileSync(0, "utf8")).data;
			console.log(JSON.stringify(d.threads.map((t) => t.frames.map((f) => [f.kind, f.function, f.script, f.line, f.column, f.symbol]))));' >$f.bt
	done
	yes "the stack of the minicore is that of the core" cmp core.bt mini.core.bt
	yes "it is the right one" grep -q '"inner","[^"]*boom.js",1,21' core.bt
	yes "the verdict out of the minicore" grep -q 'kaputt 42' <<<"$("$autopsy" report "$d/mini.core.zst")"
	is "the handler's peak memory is under 32 MB" "$(($(state peak_bytes) < 32000000))" 1
	is "nothing secret in meta.json" "$(grep -c hunter2 "$d/meta.json")" 0
	is "the name of the secret is" "$(grep -c 'DB_PASSWORD=\*\*\*' "$d/meta.json")" 1
	is "working directory" "$(meta cwd)" "$dir/work"
	is "signal" "$(meta signal_name)" SIGTRAP
	is "build-id" "$(meta build_id)" "$(readelf -n "$node" 2>/dev/null | awk '/Build ID/ { print $3; exit }')"
	yes "the program is kept" cmp "spool/programs/$(meta build_id)" "$node"
	is "only its owner may look" "$(stat -c %a spool "$d" "$d/core.zst" | tr '\n' ' ')" "700 700 600 "
	moment "$node" --abort-on-uncaught-exception boom.js >/dev/null 2>&1
	is "the program is kept once" "$(ls spool/programs | wc -l)" 1

	# The index at the end: frames can be unpacked one by one.
	is "the index fits its frames" "$("$node" -e '
		const b = require("fs").readFileSync(process.argv[1]);
		const n = b.readUInt32LE(b.length - 9);
		const at = b.length - 9 - 8 * n;
		let size = 0;
		let ok = b.readUInt32LE(b.length - 4) === 0x8f92eab1 && b.readUInt32LE(at - 8) === 0x184d2a5e;
		for (let i = 0; i < n; i++) {
			ok = ok && b.readUInt32LE(size) === 0xfd2fb528;
			size += b.readUInt32LE(at + 8 * i);
		}
		console.log(ok && size === at - 8);' "$(last)/core.zst")" true

	# Every process, Node or not.
	fresh
	crash -m 8 -s 11
	is "a crash of another program" "$(state core) $(meta signal_name) $(meta comm)" "whole SIGSEGV crasher"
	fresh
	(ulimit -c 0; crash -m 1)
	is "ulimit -c 0 does not stop it" "$(state core)" whole

	# What a process says about itself is text, nothing else.
	fresh
	evil='","x":"'
	EVIL=$'\e]0;a\n{"uuid":1}\xff' crash -m 1 -n "$evil"
	is "a hostile name" "$(meta comm)" "$evil"
	is "a hostile name: no keys of its own" "$(meta x)" undefined
	is "a hostile environment" "$(meta 'environ.filter((e) => e.startsWith("EVIL=")).length')" 1
	is "one line in the log" "$(grep -c 'signal 6' spool/handler.log)" 1
	is "no control characters in the log" "$(tr -d '\n' <spool/handler.log | tr -cd '\000-\037' | wc -c)" 0
	sound "hostile text"

	# Cores that are not ours go where they went before.
	fresh
	(unset AUTOPSY_TEST; crash -m 3)
	core=$(find work -name 'core*' | head -n 1)
	is "another's core is in its directory" "$(readelf -h "$core" 2>/dev/null | grep -c CORE) $(($(stat -c %s "$core") > 3 << 20))" "1 1"
	is "and not with us" "$(crashes | wc -l)" 0
	rm -f work/core*
	(unset AUTOPSY_TEST; crash -m 3 -u 65534)
	is "another user's core belongs to him" "$(stat -c %u work/core* 2>/dev/null)" 65534
	rm -f work/core*
	ln -s "$dir/elsewhere" work/core
	(unset AUTOPSY_TEST; crash -m 1)
	is "no link is followed" "$(ls elsewhere 2>/dev/null)" ""
	rm -f work/core*
	cat >other <<-'SH'
	#!/bin/sh
	{ echo "$@"; wc -c; } >"$(dirname "$0")/other.out"
	SH
	chmod +x other
	{ sed "s|^chain.*|chain = \|$dir/other %p %s %e %%|" c; } >c2 && mv c2 c
	(unset AUTOPSY_TEST; crash -m 3)
	is "another handler gets it" "$(head -n 1 other.out | cut -d' ' -f2-)" "6 crasher %"
	is "all of it" "$(($(sed -n 2p other.out) > 3 << 20))" 1

	# Rules.
	row() {
		# row TITLE RULE EXPECTED [crasher options]
		local title=$1 rule=$2 expected=$3
		shift 3
		fresh
		config "rule = $rule"
		crash -m 1 "$@"
		local files=""
		[ -n "$(last)" ] && files=$(cd "$(last)" && echo *)
		is "rule: $title" "$files" "$expected"
	}
	row "skip by executable" "skip exe $tools/*" ""
	row "another executable" "skip exe /usr/bin/*" "core.zst meta.json mini.core.zst state.json"
	row "only facts by signal" "meta signal SIGSEGV" "meta.json state.json" -s 11
	row "signal by number" "meta signal 6" "meta.json state.json"
	row "minicore by user" "mini uid 65534" "meta.json mini.core.zst state.json" -u 65534
	row "another user" "mini uid 65534" "core.zst meta.json mini.core.zst state.json"
	row "by name" "skip comm evil*" "" -n evilness
	row "a namespace that is not known" "skip namespace *" "core.zst meta.json mini.core.zst state.json"
	row "by environment" "skip env AUTOPSY_TEST=*" ""
	fresh
	config "nonsense" "core_max = lots" "core_max = 1M" "quota = 5%"
	crash -m 4
	is "a core over core_max" "$(state core) $(state core_reason | grep -o core_max)" "none core_max"
	is "keeps its minicore" "$(ls "$(last)")" $'meta.json\nmini.core.zst\nstate.json'
	is "errors in the configuration are said" "$(grep -c 'configuration: line' spool/handler.log)" 2

	# A crash loop.
	fresh
	config "rate = 3/1h"
	loop=${FLEET_LOOP:-100}
	# shellcheck disable=SC2016
	moment bash -c 'for i in $(seq "$1"); do "$0" -m 1; done' "$tools/crasher" "$loop" >/dev/null 2>&1
	is "$loop crashes in a loop: facts of each" "$(crashes | wc -l)" "$loop"
	is "$loop crashes in a loop: full cores" "$(find spool/crashes -name core.zst | wc -l)" 3
	is "$loop crashes in a loop: counted" "$(state count)" "$loop"
	yes "the reason is said" grep -q 'are enough of this program' "$(last)/state.json"
	config "rate = 3/1h" "keep = 10"
	crash -m 1
	is "keep: the oldest go" "$(($(crashes | wc -l) <= 11))" 1
	sound "a crash loop"

	# More at once than core_pipe_limit: the kernel lets go who finds no place.
	fresh
	config
	# shellcheck disable=SC2016
	(cd work && timeout 60 "$tools/corepattern" -l 1 "$pattern" \
		bash -c 'for i in 1 2 3 4; do "$0" -m 64 & done; wait' "$tools/crasher") >/dev/null 2>&1
	is "core_pipe_limit reached: all are let go" "$?" 0
	n=$(crashes | wc -l)
	is "core_pipe_limit reached: some are kept" "$((n >= 1 && n <= 4))" 1
	sound "core_pipe_limit reached"

	# In one moment: each handler sweeps what others left, and must not take what another one makes.
	fresh
	config "rate = none"
	# shellcheck disable=SC2016
	(cd work && timeout 120 "$tools/corepattern" -l 64 "$pattern" \
		bash -c 'for i in $(seq 12); do for k in 1 2 3 4; do "$0" -m 1 & done; wait; done' "$tools/crasher") >/dev/null 2>&1
	settle
	is "four at once, twelve times: all are kept" "$(find spool/crashes -name core.zst | wc -l)" 48

	# The name of a control group is anybody's who may make one.
	fresh
	config
	# Of several groups of a process the longest name counts.
	group=$(findmnt -nro TARGET -t cgroup2 | head -n 1)/$(printf '","pod":"evil","namespace":"%080d' 0)
	if [ "${group%/*}" ] && mkdir "$group" 2>/dev/null; then
		# shellcheck disable=SC2016
		moment bash -c 'echo $$ >"$1/cgroup.procs" || exit 77; exec "$0" -m 1' "$tools/crasher" "$group" >/dev/null 2>&1
		[ $? -eq 77 ] || is "a hostile control group" "$(meta 'cgroup.includes("evil")') $(meta pod) $(meta namespace)" "true null null"
		sound "a hostile control group"
		rmdir "$group"
	else
		echo "skip a hostile control group: none can be made here"
	fi

	# Traps in the spool.
	fresh
	mkdir -m 700 spool trap
	ln -s "$dir/trap" spool/crashes
	timeout 60 "$tools/corepattern" "$pattern" "$tools/crasher" -m 1 >/dev/null 2>&1
	is "crashes is a link: nothing is written there" "$(ls -A trap)" ""
	fresh
	mkdir -m 777 spool
	chmod 777 spool
	crash -m 1
	is "a spool that others can write" "$(ls -A spool)" ""
	fresh
	mkdir -m 700 spool
	echo precious >precious
	ln -s "$dir/precious" spool/handler.log
	ln -s "$dir/trap" spool/programs
	crash -m 1
	is "handler.log is a link: not followed" "$(cat precious)" precious
	is "programs is a link: not followed" "$(ls -A trap)" ""
	is "the crash is kept all the same" "$(state core)" whole

	# A full disk.
	fresh
	mkdir spool
	if mount -t tmpfs -o size=48m,mode=700 autopsy-test spool; then
		mounted=$dir/spool
		config "reserve = 8M" "quota = 100%"
		crash -m 150 -r
		is "a core that does not fit" "$(state core)" none
		is "its minicore is kept" "$(state mini)" true
		free=$(df --output=avail -B1 spool | tail -n 1)
		is "the reserve is free" "$((free >= 8 << 20))" 1
		for _ in 1 2 3; do crash -m 12 -r; done
		free=$(df --output=avail -B1 spool | tail -n 1)
		is "older cores make room, the reserve stays" "$((free >= 8 << 20)) $(state core)" "1 whole"
		sound "a full disk"
		dd if=/dev/zero of=spool/filler bs=1M count=64 2>/dev/null
		timeout 60 "$tools/corepattern" "$pattern" "$tools/crasher" -m 1 >/dev/null 2>&1
		is "not a byte left: the process is let go" "$?" 134
		sound "not a byte left"
		umount spool
		mounted=
	else
		echo "skip a full disk: no tmpfs can be mounted"
	fi

	# A disk that stands still: who waits for it cannot be woken, not even by SIGKILL.
	fresh
	mkdir spool
	truncate -s 200M disk
	if mkfs.ext4 -q -F disk && mount -o loop disk spool; then
		mounted=$dir/spool
		chmod 700 spool
		config "rate = none" "stall_time = 1s"
		crash -m 1
		is "before the disk stands still" "$(state core)" whole
		for when in 0 0.05 0.3; do
			{ sleep $when; fsfreeze -f spool; } &
			freezer=$!
			[ $when = 0 ] && wait $freezer
			began=$SECONDS
			(cd work && timeout 60 "$tools/corepattern" "$pattern" "$tools/crasher" -m 90 -r) >/dev/null 2>&1
			status=$?
			# Ended by the guard, or, if its core was out before, of what it died.
			[ $when != 0 ] && [ $status = 134 ] && status=137
			is "the disk stands still after $when s: the process is let go" "$status $((SECONDS - began < 20))" "137 1"
			wait $freezer
			# The guard has its second, too, where the process was let go before the disk stopped.
			sleep 1.5
			fsfreeze -u spool
			settle
			is "and nobody waits for it any more" "$(pgrep -f "$autopsy handle -c$dir/c" | wc -l)" 0
			sound "the disk stands still after $when s"
		done
		crash -m 1
		is "when it goes on again" "$(state core) $(find spool/crashes -mindepth 1 -maxdepth 1 -name '.*' | wc -l)" "whole 0"
		umount spool
		mounted=
	else
		echo "skip a disk that stands still: no file system can be mounted from a file"
	fi
fi

if [ -n "${FLEET_HUGE:-}" ]; then
	fresh
	config "rate = none" "quota = 50%"
	crash -m 4500
	is "a core over 4 GB: whole" "$(state core)" whole
	is "a core over 4 GB: its size" "$(($(state core_bytes) > 4500 << 20))" 1
	is "a core over 4 GB: all of it unpacks" "$(zstd -dc "$(last)/core.zst" | wc -c)" "$(state core_bytes)"
	is "a core over 4 GB: memory" "$(($(state peak_bytes) < 32000000))" 1
fi

# SIGKILL of the handler and of the worker, at points all over the capture.
points=${FLEET_POINTS:-20}
fresh
config "rate = none"
for who in handler worker; do
	for i in $(seq "$points"); do
		# shellcheck disable=SC2016
		(cd work && timeout 60 "$tools/corepattern" "$pattern" bash -c '
			"$0" -m 100 -r &
			crasher=$!
			for _ in $(seq 500); do
				handler=$(pgrep -f -x "$1 handle -c$2 $crasher .*" | sort -n)
				[ -n "$handler" ] && break
				sleep 0.005
			done
			sleep "$3"
			if [ "$4" = handler ]; then
				kill -9 $(echo "$handler" | head -n 1)
			else
				# The worker is the second child, if it is there by now; the first one is the guard.
				for _ in $(seq 40); do
					child=$(pgrep -P "$(echo "$handler" | head -n 1)" | sort -n | sed -n 2p)
					[ -n "$child" ] && break
					sleep 0.005
				done
				[ -n "$child" ] && kill -9 $child
			fi
			wait $crasher' "$tools/crasher" "$autopsy" "$dir/c" \
			"$(awk -v i="$i" -v n="$points" 'BEGIN { print i / n * 0.5 }')" "$who") >/dev/null 2>&1
		status=$?
		[ $status -eq 134 ] || bad "SIGKILL of the $who, point $i: the process was not let go ($status)"
	done
	sound "SIGKILL of the $who"
	is "SIGKILL of the $who at $points points: nothing half-named" "$(find spool -name '*.partial' | wc -l)" 0
	echo "     $(crashes | wc -l) crashes, $(find spool/crashes -name core.zst | wc -l) with a core," \
		"$(grep -l '"state":"capturing"' spool/crashes/*/state.json 2>/dev/null | wc -l) interrupted"
done
settle
crash -m 1
is "the next handler sweeps what is left" "$(find spool/crashes -mindepth 1 -maxdepth 1 -name '.*' | wc -l)" 0
is "no process of ours is left" "$(pgrep -f "$autopsy handle -c$dir/c" | wc -l)" 0
exit $fail
