#!/bin/bash
# mdb's language on one core: each file of this folder is a list of cases, readable by anyone.
#   > LINE          what is typed (several: one session, in order)
#   text            a line that stdout must have, in this order; nothing else may be there
#   ~ REGEX         a line of stdout that matches this (extended regular expression)
#   ! TEXT          stderr holds this
#   = STATUS        the exit status (0 if it is not given)
# Cases are separated by empty lines, # begins a comment. Then formats, registers and a search are compared with gdb.
# usage: language.sh AUTOPSY MKCORE
set -u
autopsy=$(readlink -f "$1")
mkcore=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
cat >program.js <<'END'
'use strict';
class Dog { constructor(name) { this.name = name; this.tags = ['one', 'two', 'three']; } }
function third(dog, text) { process.abort(dog, text); }
function second(dog) { third(dog, 'some text'); }
second(new Dog('Rex'));
END
"$mkcore" -o core.file -- "$node" "$dir/program.js" 2>log
status=$?
[ $status -eq 77 ] && {
	echo "skip $(cat log)"
	exit 77
}
[ $status -eq 0 ] || {
	echo "FAIL no core: $(cat log)"
	exit 1
}
printf '1\n0t10\n8+3\n' >values
printf '10=D\n<nothing=X\n11=D\n' >script
passed=0 failed=0

ok() { passed=$((passed + 1)); }

bad() {
	failed=$((failed + 1))
	echo "FAIL $1: $2"
	sed 's/^/     | /' out err | head -n 20
}

# matches FILE: out is exactly what the patterns in FILE say
matches() {
	local pattern line
	exec 3<"$1" 4<out
	while IFS= read -r pattern <&3; do
		IFS= read -r line <&4 || return 1
		case $pattern in
		'~ '*) [[ $line =~ ${pattern#'~ '} ]] || return 1 ;;
		*) [ "${line%"${line##*[! ]}"}" = "$pattern" ] || return 1 ;;
		esac
	done
	! IFS= read -r line <&4
}

run_case() {
	[ -s typed ] || return 0
	timeout -k 5 30 "$autopsy" core.file <typed >out 2>err
	local status=$? title
	title="$(tr '\n' ';' <typed)"
	if [ $status -ne "$want_status" ]; then
		bad "$title" "status $status instead of $want_status"
	elif ! matches want; then
		bad "$title" "other output"
	elif [ -n "$want_err" ] && ! grep -qF -- "$want_err" err; then
		bad "$title" "stderr lacks '$want_err'"
	elif [ -z "$want_err" ] && [ -s err ]; then
		bad "$title" "stderr is not empty"
	else
		ok
	fi
	: >typed
	: >want
	want_err='' want_status=0
}

for file in "$here"/*.txt; do
	: >typed
	: >want
	want_err='' want_status=0
	while IFS= read -r line; do
		case $line in
		'#'*) ;;
		'') run_case ;;
		'> '*) echo "${line#> }" >>typed ;;
		'! '*) want_err=${line#! } ;;
		'= '*) want_status=${line#= } ;;
		*) echo "$line" >>want ;;
		esac
	done <"$file"
	run_case
done

# ---- the same core in gdb ----
if command -v gdb >/dev/null; then
	# One gdb for all: each answer behind a line that names it.
	# shellcheck disable=SC2016 # the dollars are gdb's
	gdb -nx -batch -ex 'echo @words8\n' -ex 'x/4gx $rsp' -ex 'echo @words4\n' -ex 'x/8wx $rsp' \
		-ex 'echo @rip\n' -ex 'p/x $rip' -ex 'echo @rsp\n' -ex 'p/x $rsp' \
		-ex 'echo @main\n' -ex 'p/x (long)&main' "$node" core.file >gdb.out 2>/dev/null
	compare() { # NAME LINE: both reduced to their numbers in hex
		timeout 30 "$autopsy" core.file -e "$2" 2>err </dev/null | sed 's/^[^:]*://' | grep -oE '[0-9a-f]+' >out
		sed -n "/^@$1\$/,/^@/p" gdb.out | grep -v '^@' | sed -E 's/^[^:=]*[:=]//' |
			grep -oE '0x[0-9a-f]+' | sed -E 's/^0x0*([0-9a-f])/\1/' >want
		if [ -s want ] && cmp -s out want; then ok; else bad "$2" "gdb: $(tr '\n' ' ' <want)"; fi
	}
	compare words8 '<rsp/4K'
	compare words4 '<rsp/8X'
	compare rip '<rip=J'
	compare rsp '<rsp=J'
	compare main 'main=K'
fi

# ---- a word of the stack is found where it is; a dump shows its bytes ----
at=$("$autopsy" core.file -e '<rsp+8=J' 2>/dev/null </dev/null | tr -d ' ')
"$autopsy" core.file -e '*(<rsp+8)::ugrep' >out 2>err </dev/null
if grep -qx "$at" out; then ok; else bad '::ugrep finds a word' "not at $at"; fi
# ---- results and messages apart; the shell at the end of a line ----
"$autopsy" core.file -e '!printf A; !printf B >&2' >out 2>err </dev/null
if [ "$(cat out)" = A ] && [ "$(cat err)" = B ]; then ok; else bad '!printf' 'not apart'; fi

# ---- called as mdb: its options, its rc file, its exit status ----
ln -s "$autopsy" mdb
echo '::echo from the rc file' >.mdbrc
as_mdb() { # TITLE STATUS OUTPUT ARGUMENTS...
	local title=$1 want_status=$2 want=$3 status
	shift 3
	HOME=$dir timeout 30 ./mdb "$@" >out 2>err </dev/null
	status=$?
	if [ $status -eq "$want_status" ] && [ "$(sed 's/ *$//' out)" = "$want" ]; then ok; else bad "$title" "status $status"; fi
}
as_mdb 'the rc file' 0 'from the rc file
                16' core.file -e '10=D'
as_mdb '-S skips it' 0 '                16' -S core.file -e '10=D'
as_mdb '-o, -P, -L' 0 '                16' -S -o repeatlast -P '% ' -L /nowhere core.file -e '10=D'
as_mdb '-e that fails' 1 '' -S core.file -e '<nothing=D'
as_mdb 'bad options' 2 '' -Q core.file

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 40 ]
