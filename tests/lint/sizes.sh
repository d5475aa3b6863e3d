#!/bin/sh
# A source over 800 lines wants to be two: prints the ten largest, fails over the limit.
# usage: sizes.sh [SOURCE_DIR [LIMIT]]
set -u
dir=${1:-$(cd "$(dirname "$0")" && pwd)/../../src}
find "$dir" -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total"' | sort -rn | awk -v limit="${2:-800}" '
	NR <= 10 { print }
	$1 > limit { bad++ }
	END {
		if (!NR) { print "sizes: no sources"; exit 2 }
		print "sizes: " NR " sources, " bad + 0 " over " limit " lines"
		exit bad > 0
	}'
