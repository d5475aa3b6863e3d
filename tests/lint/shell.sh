#!/bin/sh
# Every shell script is clean to shellcheck.
cd "$(dirname "$0")/../.." || exit 1
command -v shellcheck >/dev/null || {
	echo "skipped: there is no shellcheck"
	exit 77
}
files=$(find scripts tests bench examples .ci -type f | while read -r f; do
	head -n 1 "$f" | grep -q '^#!/bin/\(ba\)\{0,1\}sh' && echo "$f"
done)
[ -n "$files" ] || {
	echo "no scripts found"
	exit 1
}
# shellcheck disable=SC2086
shellcheck -x -P SCRIPTDIR -S warning $files && echo "shellcheck: $(echo "$files" | wc -l) scripts clean"
