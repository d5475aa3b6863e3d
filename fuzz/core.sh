#!/bin/sh
# Makes the core that fuzz_values patches: a Node 22 that holds every kind of value. As far as the kernel lets us it is
# always the same one, so that an input found once means the same later.
# usage: core.sh TOOLS_DIR CORE [PROGRAM of tests/live] [FLAG of Node ...]       exit status as mkcore's: 77 is "cannot be made here"
set -eu
tools=$1 core=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
program=values.js
[ $# -eq 0 ] || {
	program=$1
	shift
}
node=$("$root/scripts/fetch-node.sh" 22)
fixed=
if setarch -R true 2>/dev/null; then
	fixed='setarch -R'
fi
status=0
# shellcheck disable=SC2086
$fixed "$tools/mkcore" -t 60 -o "$core" -- "$node" --random-seed=1 --hash-seed=1 "$@" "$root/tests/live/$program" "$core.truth" >"$core.log" 2>&1 || status=$?
[ $status -eq 0 ] || cat "$core.log"
rm -f "$core.log" "$core.truth"
exit $status
