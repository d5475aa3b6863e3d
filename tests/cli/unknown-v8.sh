#!/bin/bash
# A V8 that nobody has seen yet: a core of Node 22 in whose memory V8's version number is changed. Near a known line everything must still work, on status 1; far from it the answer may lack things, but the
# tool says which, and never fails in another way.
# usage: unknown-v8.sh AUTOPSY MKCORE
set -u
autopsy=$(realpath "$1") mkcore=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1
work=$(mktemp -d "${TMPDIR:-/var/tmp}/autopsy-unknown-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0

ok() { echo "ok    $1"; passed=$((passed + 1)); }
bad() { echo "FAIL  $1: $2"; failed=$((failed + 1)); }

# Where a file keeps a variable of Node.
offset_of() { # FILE SYMBOL: in a core or in the program itself
	local address
	address=$((0x$(nm "$node" | awk -v s="$2" '$3 == s { print $1 }')))
	readelf -lW "$1" | awk '$1 == "LOAD" { print $2, $3, $5 }' | while read -r offset start size; do
		if [ $address -ge $((start)) ] && [ $address -lt $((start + size)) ]; then
			echo $((address - start + offset))
			break
		fi
	done
}
poke() { # CORE SYMBOL VALUE (below 256)
	# shellcheck disable=SC2059
	printf "$(printf '\\x%02x' "$3")" | dd of="$1" bs=1 seek="$(offset_of "$1" "$2")" conv=notrunc status=none
}

cat >die.js <<'JS'
function inner(answer) { process.abort(); }
class Outer { method() { inner({ answer: 42 }); } }
new Outer().method();
JS

"$mkcore" -o whole.core -- "$node" "$work/die.js" >log 2>&1
status=$?
[ $status -eq 77 ] && { echo "skipped: $(cat log)"; exit 77; }
[ $status -eq 0 ] || { echo "FAIL  no core: $(cat log)"; exit 1; }

core_of() { # NAME MAJOR MINOR
	cp --sparse=always whole.core "$1.core"
	poke "$1.core" _ZN2v88internal7Version6major_E "$2"
	poke "$1.core" _ZN2v88internal7Version6minor_E "$3"
}

core_of near 12 9
timeout 60 "$autopsy" near.core -e bt >out 2>err
status=$?
if [ $status -eq 1 ]; then ok "12.9: status 1"; else bad "12.9" "exit status $status"; fi
if grep -q 'inner .*die.js:1:34' out && grep -q 'Outer.method .*die.js:2:26' out; then ok "12.9: the whole stack"
else bad "12.9: the stack" "$(head -c 600 out)"; fi
timeout 60 "$autopsy" near.core -e profile >out 2>err
if grep -q 'nearest' out; then ok "12.9: the profile says which facts are only near"; else bad "12.9: profile" "$(head -3 out)"; fi

core_of far 99 9
for command in report bt profile threads info 'v8 bt' '::jsstack -v'; do
	timeout 60 "$autopsy" far.core -e "$command" >out 2>err
	status=$?
	if [ $status -le 2 ] && { [ -s out ] || [ -s err ]; }; then ok "99.9: $command: status $status"
	else bad "99.9: $command" "exit status $status: $(head -c 300 err)"; fi
done
timeout 60 "$autopsy" far.core -e profile >out 2>err
if grep -qw OFF out; then ok "99.9: what does not fit is off"; else bad "99.9: profile" "nothing is off"; fi

# A V8 whose tagged words have four bytes: no such Node is to be had, so one that only says so.
cp --sparse=always "$(realpath "$node")" node-compressed
poke node-compressed v8dbg_TaggedSize 4
"$mkcore" -o compressed.core -- "$work/node-compressed" "$work/die.js" >log 2>&1 || bad "pointer compression" "no core: $(cat log)"
for command in bt report objects; do
	timeout 60 "$autopsy" compressed.core -e "$command" >out 2>err
	status=$?
	if [ $status -eq 2 ] && grep -q 'pointer compression' err && [ ! -s out ]; then ok "pointer compression: $command refused"
	else bad "pointer compression: $command" "status $status: $(head -c 300 out err)"; fi
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
