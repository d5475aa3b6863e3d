#!/bin/sh
# Prints what the last run of the heap's tests found, all Nodes side by side: ours/V8's own.
# usage: table.sh BUILD_DIR
set -eu
log=$1/Testing/Temporary/LastTest.log
[ -f "$log" ] || exit 0
grep -a '^truth|' "$log" | awk -F'|' '
	!($2 in node) { node[$2] = 1; nodes[++n] = $2 }
	!($3 in row) { row[$3] = 1; rows[++r] = $3 }
	{ cell[$3, $2] = $4 }
	END {
		if (!n)
			exit
		for (i = 1; i < n; i++)
			for (k = i + 1; k <= n; k++)
				if (nodes[k] + 0 < nodes[i] + 0) { t = nodes[i]; nodes[i] = nodes[k]; nodes[k] = t }
		printf "\nthe whole heap, ours / V8\047s own snapshot\n%-24s", "Node"
		for (i = 1; i <= n; i++) printf " %14s", nodes[i]
		print ""
		for (j = 1; j <= r; j++) {
			printf "%-24s", rows[j]
			for (i = 1; i <= n; i++) printf " %14s", cell[rows[j], nodes[i]]
			print ""
		}
	}'
