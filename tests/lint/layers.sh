#!/bin/sh
# Fails on an include against tests/lint/layers.
# usage: layers.sh [SOURCE_DIR]
#        layers.sh --self-test
set -u
here=$(cd "$(dirname "$0")" && pwd)

lint() {
	files=$(find "$1" -name '*.[ch]' | LC_ALL=C sort)
	[ -n "$files" ] || {
		echo "layers: no sources under $1"
		return 2
	}
	# The rules first, then every source.
	# shellcheck disable=SC2086
	awk -v root="$1/" '
	function list(text, into,    n, i) {
		gsub(/[{},]/, " ", text)
		n = split(text, into, " ")
		for (i = 1; i <= n; i++) known[into[i]] = 1
		return n
	}
	FNR == NR {
		sub(/#.*/, "")
		if ($2 == "only") {
			restricted[$1] = 1
			for (i = 3; i <= NF; i++) only[$1, $i] = 1
		} else if ($2 == "also") {
			prefix = $1
			sub(/\*$/, "", prefix)
			for (i = 3; i <= NF; i++) also[prefix, $i] = 1
			prefixes[prefix] = 1
		} else if (NF) {
			n = split($0, part, "<-")
			for (p = 2; p <= n; p++) {
				below = list(part[p - 1], a)
				above = list(part[p], b)
				for (i = 1; i <= below; i++)
					for (j = 1; j <= above; j++) may[b[j], a[i]] = 1
			}
		}
		next
	}
	!closed {
		closed = 1
		do {
			changed = 0
			for (x in known) for (y in known) if ((x, y) in may)
				for (z in known) if (((y, z) in may) && !((x, z) in may)) { may[x, z] = 1; changed = 1 }
		} while (changed)
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, quoted, "\"")
		if (split(quoted[2], step, "/") < 2) next
		file = substr(FILENAME, length(root) + 1)
		from = file
		sub(/\/.*/, "", from)
		to = step[1]
		if (from == to) next
		checked++
		if (!(from in known)) { print FILENAME ":" FNR ": the module " from " is not in tests/lint/layers"; bad++; next }
		ok = restricted[from] ? ((from, to) in only) : ((from, to) in may)
		for (p in prefixes) if (index(file, p) == 1 && ((p, to) in also)) ok = 1
		if (!ok) { print FILENAME ":" FNR ": " from "/ may not include " quoted[2]; bad++ }
	}
	END {
		print "layers: " checked + 0 " includes between modules, " bad + 0 " against the layers"
		exit bad > 0
	}' "$here/layers" $files
}

self_test() {
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	fail=0
	expect() {
		# expect STATUS FILE INCLUDE
		rm -rf "$dir/src"
		mkdir -p "$dir/src/$(dirname "$2")" "$dir/src/base"
		echo '#include <stdio.h>' >"$dir/src/base/text.h"
		printf '#include "base/text.h"\n#include "%s"\n' "$3" >"$dir/src/$2"
		lint "$dir/src" >"$dir/out"
		status=$?
		if [ $status -ne "$1" ]; then
			echo "FAIL $2 includes $3: status $status, expected $1: $(cat "$dir/out")"
			fail=1
		else
			echo "ok   $2 includes $3: $1"
		fi
	}
	expect 0 heap/index.c v8/map.h
	expect 0 heap/index.c base/err.h
	expect 0 tools/main.c shell/shell.h
	expect 0 tools/main.c v8/map.h
	expect 0 cmd/v8_map.c v8/map.h
	expect 0 cmd/bt.c model/thread.h
	expect 0 shell/lexer.c cmd/cmd.h
	expect 1 cmd/bt.c v8/map.h
	expect 1 cmd/bt.c node/handles.h
	expect 1 shell/lexer.c v8/map.h
	expect 1 v8/map.c heap/index.h
	expect 1 base/text.c os/proc.h
	expect 1 graph/dominators.c v8/map.h
	expect 1 capture/handler.c v8/map.h
	expect 1 model/core.c cmd/cmd.h
	expect 1 unwind/frames.c v8/map.h
	expect 1 surprise/new.c base/err.h
	return $fail
}

if [ "${1:-}" = --self-test ]; then
	self_test
else
	lint "${1:-$here/../../src}"
fi
