#!/bin/bash
# The example of every command in the table runs, as text and as JSON: a command without one that works is not finished.
# usage: examples.sh AUTOPSY MKCORE
set -u
autopsy=$(readlink -f "$1")
mkcore=$(readlink -f "$2")
root=$(cd "$(dirname "$0")/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

cat >throw.js <<'END'
'use strict';
function inner(what) { const local = what.length; throw new TypeError(`no ${what} in ${local}`); }
function outer() { inner('air'); }
outer();
END
"$mkcore" -o core.file -- "$node" --abort-on-uncaught-exception "$dir/throw.js" 2>log
status=$?
[ $status -eq 77 ] && {
	echo "skip $(cat log)"
	exit 77
}
[ $status -eq 0 ] || {
	echo "FAIL no core: $(cat log)"
	exit 1
}
"$autopsy" core.file --json -e help >help.json 2>err </dev/null || {
	echo "FAIL help: $(cat err)"
	exit 1
}
# shellcheck disable=SC2016 # the program is JavaScript
"$node" -e '
for (const { plain, mdb, llnode, example, target } of JSON.parse(require("fs").readFileSync("help.json", "utf8")).data.commands)
	if (target !== "snapshot") console.log(`${(plain || mdb || llnode).names[0]}\t${example}`);' >examples
passed=0 failed=0
while IFS=$'\t' read -r name example; do
	timeout -k 5 60 "$autopsy" core.file -e "$example" >out 2>err </dev/null
	text=$?
	timeout -k 5 60 "$autopsy" core.file --json -e "$example" >json 2>>err </dev/null
	if [ $text -le 1 ] && "$node" -e '
for (const line of require("fs").readFileSync("json", "utf8").trim().split("\n")) {
	const { data, error } = JSON.parse(line);
	if (error || data === null) throw new Error(line);
}' 2>>err; then
		passed=$((passed + 1))
		echo "ok   $name: $example"
	else
		failed=$((failed + 1))
		echo "FAIL $name: $example (status $text): $(head -c 400 err)"
	fi
done <examples
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 20 ]
