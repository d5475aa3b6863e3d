#!/bin/bash
# Every command's JSON against its schema in docs/json, on a core of an error and on one of an abort; and the texts that are
# made from the commands' records are those of this build.
# usage: json.sh AUTOPSY MKCORE DOCUMENTS
set -u
autopsy=$(readlink -f "$1")
mkcore=$(readlink -f "$2")
documents=$(readlink -f "$3")
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
node=$("$root/scripts/fetch-node.sh" 22) || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

cat >program.js <<'END'
'use strict';
class Dog { constructor(name) { this.name = name; this.tags = ['one', 2, { deep: new Map([[1, 'x']]) }]; } }
async function waits() { await new Promise(() => {}); }
waits();
function inner(what) { const local = what.name; throw new TypeError(`no ${local}`); }
function outer() { inner(new Dog('Rex')); }
outer();
END
"$mkcore" -o core.file -- "$node" --abort-on-uncaught-exception "$dir/program.js" 2>log
status=$?
[ $status -eq 77 ] && {
	echo "skip $(cat log)"
	exit 77
}
[ $status -eq 0 ] || {
	echo "FAIL no core: $(cat log)"
	exit 1
}
"$node" "$here/schema.js" --lines "$here/lines.txt" "$autopsy" core.file "$root/docs/json" || failed=1

# ---- what only a heap that leaks has to say, and a heap snapshot ----
status=0
"$mkcore" -o leak.core -- "$node" --max-old-space-size=40 "$here/leak.js" "$dir/early.heapsnapshot" 2>log || status=$?
if [ $status -eq 0 ] && "$autopsy" leak.core -e 'heapsnapshot -f -o out.heapsnapshot' >log 2>&1; then
	"$node" "$here/schema.js" --only "$here/leak-lines.txt" "$autopsy" leak.core "$root/docs/json" || failed=1
	"$node" "$here/schema.js" "$autopsy" out.heapsnapshot "$root/docs/json" || failed=1
else
	echo "FAIL no heap that leaks: $(tail -n 3 log)"
	failed=1
fi

# ---- the reference in docs/, the man page, the completions ----
"$autopsy" --documentation=reference >commands.md
if cmp -s commands.md "$root/docs/commands.md"; then
	echo "ok   docs/commands.md is what the records say"
else
	echo "FAIL docs/commands.md is not what the records say; make it anew: autopsy --documentation=reference >docs/commands.md"
	diff "$root/docs/commands.md" commands.md | head -n 10
	failed=1
fi
for text in man:autopsy.1 bash:autopsy.bash zsh:_autopsy; do
	"$autopsy" --documentation="${text%%:*}" >made
	if cmp -s made "$documents/${text##*:}"; then
		echo "ok   ${text##*:} is current"
	else
		echo "FAIL ${text##*:} is not the one of this build"
		failed=1
	fi
done
# Every command stands on the page, and roff finds nothing wrong.
if grep -q '^\.TP' "$documents/autopsy.1" && ! grep -nE '^[.'"'"'][^A-Zab\\]' "$documents/autopsy.1"; then
	echo "ok   the man page is well formed"
else
	echo "FAIL the man page is not well formed"
	failed=1
fi
for name in bt ::jsprint 'v8 inspect' '$c'; do
	grep -qF -- "${name//-/\\-}" "$documents/autopsy.1" || {
		echo "FAIL the man page lacks $name"
		failed=1
	}
done
completed=$(bash -c '. "$1"; COMP_WORDS=(autopsy core -e obj); COMP_CWORD=3; _autopsy; echo "${COMPREPLY[@]}"
COMP_WORDS=(autopsy --show); COMP_CWORD=1; _autopsy; echo "${COMPREPLY[@]}"' bash "$documents/autopsy.bash")
if [ "$completed" = $'objects\n--show-secrets' ]; then
	echo "ok   bash completes"
else
	echo "FAIL bash completes to: $completed"
	failed=1
fi
if command -v zsh >/dev/null; then
	zsh -n "$documents/_autopsy" || failed=1
fi
exit $failed
