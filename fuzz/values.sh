#!/bin/sh
# Replays fuzz_values over cores made for the moment: the corpus, then random patches, always the same ones.
# usage: values.sh REPLAY_VALUES TOOLS_DIR [SECONDS]
set -eu
replay=$1 tools=$2 seconds=${3:-40}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail=0

run() {
	# run SECONDS PROGRAM FLAG ...
	limit=$1
	shift
	status=0
	"$here/core.sh" "$tools" "$dir/core" "$@" || status=$?
	[ $status -eq 0 ] || exit $status
	status=0
	AP_FUZZ_CORE=$dir/core "$replay" -m 20 -r 100000 -s "$limit" -t 30 -k "$dir/input" "$here/corpus/values" || status=$?
	[ $status -eq 0 ] || {
		echo "FAIL $*: status $status; the input:"
		od -An -v -tx1 -w16 "$dir/input"
		fail=1
	}
}

run $((seconds * 3 / 4)) values.js
run $((seconds / 4)) tiers.js --allow-natives-syntax
exit $fail
