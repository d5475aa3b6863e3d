#!/bin/sh
# The driver must find every lie: run it with a tool that answers from the truth, then with ones that get one thing wrong.
# usage: driver.sh TOOLS_DIR
set -u
tools=$1
here=$(cd "$(dirname "$0")" && pwd)
node=$("$here/../../scripts/fetch-node.sh" 22) || exit 1
fail=0

run() {
	"$node" "$here/run.js" --autopsy "$here/fake-autopsy.js" --tools "$tools" --node "$node" --label driver --only segv,values
}

# The stand-in starts with `env node`: that has to be this Node.
path=$(mktemp -d) || exit 1
trap 'rm -rf "$path"' EXIT
ln -s "$node" "$path/node"
PATH=$path:$PATH
export PATH

out=$(run)
status=$?
[ $status -eq 77 ] && { echo "skipped: $out"; exit 77; }
if [ $status -ne 0 ]; then
	echo "FAIL the perfect answer is refused:"
	echo "$out" | grep -v '^ok'
	fail=1
fi
for lie in column line name frame verdict value private extra status; do
	out=$(FAKE_LIE=$lie run)
	if [ $? -eq 1 ]; then
		echo "ok   found: $(echo "$out" | grep -m1 '^FAIL' | cut -c1-120)"
	else
		echo "FAIL a wrong $lie passes"
		fail=1
	fi
done
exit $fail
