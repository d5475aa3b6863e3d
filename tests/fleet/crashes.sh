#!/bin/bash
# list, info, dump, fetch, debug, agent over crashes that the kernel handed over.
# usage: crashes.sh AUTOPSY TOOLS_DIR
set -u
. "$(dirname "$0")/lib.sh"
autopsy=$(readlink -f "$1")
tools=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1
[ "$(id -u)" = 0 ] || { echo "skipped: core_pattern needs root"; exit 77; }
dir=$(mktemp -d /tmp/apc.XXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir" || exit 1
export AUTOPSY_TEST=$$

cat >c <<CONF
spool = $dir/spool
reserve = 1%
rate = none
chain = $(head -n 1 /proc/sys/kernel/core_pattern)
rule = capture env AUTOPSY_TEST=$$
rule = pass any
CONF
cat >boom.js <<'JS'
function inner(x) { throw new TypeError('kaputt ' + x); }
function outer(x) { return inner(x + 1); }
outer(Number(process.env.N || 41));
JS
pattern="|$autopsy handle -c$dir/c %P %p %I %u %g %s %t %d %c F%F %h %e"
tool list >out 2>&1
is "no spool yet" $? 2
# One moment for all: five deaths, two of them the same.
"$tools/corepattern" "$pattern" bash -c '
	"$0" --abort-on-uncaught-exception boom.js
	"$0" --abort-on-uncaught-exception boom.js
	"$0" -e "function f() { process.abort(); } f()"
	"$1" -m 2 -s 11 -n evil
	"$1" -m 2' "$node" "$tools/crasher" >/dev/null 2>&1
status=$?
for _ in $(seq 200); do
	pgrep -f "$autopsy handle -c$dir/c" >/dev/null || break
	sleep 0.05
done
[ $status -eq 77 ] && { echo "skipped: core_pattern cannot be set here"; exit 77; }

tool list >out
is "list: all of them" "$(grep -c whole out)" 5
is "list: newest first" "$(tool list --json | js 'd.crashes.map((c) => c.time).join() === d.crashes.map((c) => c.time).sort().reverse().join()')" true
is "list -n" "$(tool list -n 2 --json | js d.crashes.length)" 2
is "list --signal" "$(tool list --signal SEGV --json | js 'd.crashes.map((c) => c.program)')" "[ 'crasher' ]"
is "list --program" "$(tool list --program 'nod*' --json | js d.crashes.length)" 3
is "list --program: what it called itself" "$(tool list --program evil --json | js d.crashes.length)" 1
is "list --since" "$(tool list --since 1h --json | js d.crashes.length)" 5
is "list --until" "$(tool list --until 2020-01-01 --json | js d.crashes.length)" 0
is "list --pod: none is in one" "$(tool list --pod '*' --json | js d.crashes.length)" 0
tool list --since nonsense >out 2>&1
is "list: a time that is none" $? 64
id=$(tool list --program node --json | js 'd.crashes[0].uuid')
crasher=$(tool list --signal SEGV --json | js 'd.crashes[0].uuid')
yes "info" tool info "${id: -12}"
is "info --json: all of its files" "$(tool info --json "$id" | js 'd.meta.uuid === d.uuid && d.state.core')" whole
tool info nosuchcrash >out 2>&1
is "info: no such crash" $? 2
tool dump "$id" -o plain >/dev/null
is "dump: as long as its headers say" "$(stat -c %s plain)" "$(tool info --json "$id" | js d.state.core_bytes)"
is "dump: only its owner may read it" "$(stat -c %a plain)" 600
cmp -s plain <(zstd -dc "spool/crashes/$id/core.zst") && ok "dump: what zstd says" || bad "dump: differs"
tool dump "$id" -o - | cmp -s - plain && ok "dump to standard output" || bad "dump -o - differs"
tool dump "$id" -o plain >out 2>&1
is "dump: does not overwrite" $? 2
tool dump --mini "$id" -o mini >/dev/null
is "dump --mini opens" "$("$autopsy" mini -e bt 2>/dev/null | grep -c '\[eval\]')" "$("$autopsy" plain -e bt 2>/dev/null | grep -c '\[eval\]')"
tool fetch "$id" -o taken >/dev/null
is "fetch: files" "$(cd taken && echo *)" "core.zst meta.json mini.core.zst node state.json"
yes "fetch: opens there" "$autopsy" taken/node taken/core.zst -e bt
is "debug: the commands of -e" "$(tool debug "$id" -e bt 2>/dev/null | grep -c '\[eval\]:1')" "$("$autopsy" plain -e bt | grep -c '\[eval\]:1')"
is "debug: the newest without an id" "$(tool debug -e threads 2>&1 >/dev/null | grep -c 'cannot open')" 0
chmod 700 spool/programs/*
rm -f spool/programs/*
is "debug: also without the kept program" "$(tool debug "$id" -e bt 2>/dev/null | grep -c '\[eval\]:1')" "$("$autopsy" plain -e bt | grep -c '\[eval\]:1')"

# The agent: of what, and which are the same.
tool agent --once >out 2>&1
is "agent --once" $? 0
is "a stack.json each" "$(find spool/crashes -name stack.json | wc -l)" 5
is "two deaths are the same" "$(tool list --group --json | js 'd.groups.filter((g) => g.count === 2).map((g) => g.verdict)')" "[ 'TypeError: kaputt 42' ]"
is "the others are not" "$(tool list --group --json | js d.groups.length)" 4
fp=$(tool list --group --json | js 'd.groups.find((g) => g.count === 2).fingerprint')
is "list --fingerprint" "$(tool list --fingerprint "${fp:0:6}" --json | js d.crashes.length)" 2
is "the frames of it" "$(tool list --fingerprint "$fp" --json | js 'd.crashes[0].top')" "inner (boom.js:1)"
is "a program that is no Node: said, not guessed" "$(tool info --json "$crasher" | js '`${d.stack.kind} ${d.stack.fingerprint} ${/no V8/.test(d.stack.error)}`')" "unknown null true"
tool agent --once >out 2>&1
is "agent again: nothing to do" "$(grep -c 'stack' out)" 0
"$autopsy" agent -c "$dir/c" >agent.log 2>&1 &
pid=$!
sleep 1
tool agent --once >out 2>&1
is "one agent a spool" "$? $(grep -c 'already' out)" "2 1"
N=42 "$tools/corepattern" "$pattern" "$node" --abort-on-uncaught-exception boom.js >/dev/null 2>&1
for _ in $(seq 200); do
	[ "$(find spool/crashes -name stack.json | wc -l)" = 6 ] && break
	sleep 0.1
done
is "a running agent takes what comes" "$(tool list -n 1 --json | js 'd.crashes[0].verdict')" "TypeError: kaputt 43"
is "its fingerprint is that of the place, not of the text" "$(tool list -n 1 --json | js 'd.crashes[0].fingerprint')" "$fp"
kill $pid
wait $pid
is "SIGTERM ends it" $? 0
# A minicore that nobody can read: the agent says so and goes on.
cp -r "spool/crashes/$id" spool/crashes/01800000-0000-7000-8000-000000000000
(cd spool/crashes/01800000-0000-7000-8000-000000000000 && rm -f stack.json core.zst && head -c 5000 mini.core.zst >m && mv m mini.core.zst)
tool agent --once >out 2>&1
is "a damaged minicore: a stack.json without a stack" "$(tool info --json 01800000-0000 | js 'd.stack.kind')" unknown
# Names that act on a terminal.
is "no control characters from a crash in list" "$(tool list | tr -d '\n' | tr -cd '\000-\037' | wc -c)" 0
exit $fail
