#!/bin/bash
# ps, top, pmap, pmap diff, watch.
# usage: tools.sh NODE_MAJOR AUTOPSY_SNAPSHOT TOOLS_DIR
set -u
. "$(dirname "$0")/lib.sh"
major=$1 tool=$2
find_node "$major"
start_probe 40 512

# Nothing of the image is needed: it is copied into a container and runs. (A sanitizer's build cannot be that.)
if nm "$tool" 2>/dev/null | grep -q __asan_init; then
	echo "skip no dependencies: built with a sanitizer"
elif readelf -d "$tool" 2>/dev/null | grep -q NEEDED; then
	fail "it needs shared libraries: $(readelf -d "$tool" | grep NEEDED)"
else
	ok "no dependencies, $(stat -c %s "$tool") bytes"
fi

# ps and top see it; a secret on its command line stays secret.
"$tool" ps >"$dir/ps" || fail "ps"
grep -Eq "^ *$pid .*probe.js" "$dir/ps" || fail "ps: $(cat "$dir/ps")"
"$tool" ps --json | grep -q "\"pid\":$pid,\"pid_inside\":$pid,\"contained\":false" || fail "ps --json"
"$tool" top --count 2 --every 200ms >"$dir/top" || fail "top"
[ "$(grep -c "^ *$pid " "$dir/top")" = 2 ] || fail "top: $(cat "$dir/top")"
ok "ps, top"

# The kinds add up to the kernel's own sum; the heap is most of it.
"$tool" pmap "$pid" --json >"$dir/pmap" || fail "pmap"
total=$(grep -o '"total":{"rss_bytes":[0-9]*' "$dir/pmap" | grep -o '[0-9]*$')
kernel=$(grep -o '"kernel_rss_bytes":[0-9]*' "$dir/pmap" | grep -o '[0-9]*$')
heap=$(grep -o '"kind":"js_heap","rss_bytes":[0-9]*' "$dir/pmap" | grep -o '[0-9]*$')
difference=$((total > kernel ? total - kernel : kernel - total))
[ $difference -le $((kernel / 50)) ] || fail "pmap: $total by kind, the kernel says $kernel"
[ "$heap" -gt 30000000 ] || fail "pmap: a JS heap of $heap bytes"
ok "pmap: $total by kind, the kernel says $kernel, JS heap $heap"

# watch: the series, --keep, then what grew.
mkdir "$dir/w"
"$tool" watch "$pid" --every 200ms --count 5 --keep 2 -d "$dir/w" >"$dir/out" 2>"$dir/err" || fail "watch: $(cat "$dir/err")"
[ "$(find "$dir/w" -name '*.pmap' | wc -l)" = 5 ] || fail "watch: $(ls "$dir/w")"
[ "$(find "$dir/w" -name '*.core.zst' | wc -l)" = 3 ] || fail "watch --keep 2: $(ls "$dir/w")"
[ -e "$dir/w/$pid-0001.core.zst" ] || fail "watch --keep: the first is gone"
[ -z "$(find "$dir/w" ! -perm 600 -type f)" ] || fail "watch: readable by others"
"$tool" pmap diff "$dir/w/$pid-0001.core.zst" "$dir/w/$pid-0005.pmap" >"$dir/out" || fail "pmap diff"
grep -q '^in all' "$dir/out" || fail "pmap diff: $(cat "$dir/out")"
"$tool" pmap diff "$dir/w/$pid-0001.pmap" "$pid" --json | grep -q '"total_delta_bytes":' || fail "pmap diff --json"
ok "watch, pmap diff"
# Limits and triggers.
"$tool" watch "$pid" --every 100ms --count 3 --max-disk 100k -d "$dir/w" >"$dir/out" 2>"$dir/err"
[ $? -eq 1 ] && grep -q 'max-disk' "$dir/err" || fail "--max-disk: $(cat "$dir/err")"
mkdir "$dir/t"
"$tool" watch "$pid" --every 100ms --count 3 --on-rss 900G -d "$dir/t" >"$dir/out" 2>&1 || fail "--on-rss: $(cat "$dir/out")"
[ "$(find "$dir/t" -name '*.core.zst' | wc -l)" = 0 ] || fail "--on-rss fired too early"
"$tool" watch "$pid" --every 100ms --count 3 --on-rss 1M -d "$dir/t" >"$dir/out" 2>&1 || fail "--on-rss: $(cat "$dir/out")"
[ "$(find "$dir/t" -name '*.core.zst' | wc -l)" -ge 1 ] || fail "--on-rss did not fire: $(cat "$dir/out")"
"$node" -e 'const a = []; setInterval(() => a.push(Buffer.alloc(2e6, 1)), 50)' &
grower=$!
started="$started $grower"
mkdir "$dir/g"
sleep 0.5
"$tool" watch $grower --every 300ms --count 6 --on-growth 10M -d "$dir/g" >"$dir/out" 2>&1 || fail "--on-growth: $(cat "$dir/out")"
[ "$(find "$dir/g" -name '*.core.zst' | wc -l)" -ge 1 ] || fail "--on-growth did not fire: $(cat "$dir/out")"
"$tool" watch $grower --every 200ms --count 50 --maps-only -d "$dir/g" >"$dir/out" 2>&1 &
watcher=$!
sleep 1
kill $grower
wait $watcher || fail "watch of a process that ends: status $?"
grep -q 'has ended' "$dir/out" || fail "watch of a process that ends: $(cat "$dir/out")"
ok "watch: limits, triggers, the end"
# The program and its libraries, the very files.
"$tool" snapshot "$pid" -o "$dir/bundled" --bundle >"$dir/out" 2>"$dir/err" || fail "--bundle: $(cat "$dir/err")"
cmp -s "$node" "$dir/bundled.root$(readlink -f "$node")" || fail "--bundle: another program: $(find "$dir/bundled.root" -type f)"
grep -q '"path":"[^"]*libc[^"]*","deleted":false,"copied":true' "$dir/bundled.root/manifest.json" || fail "--bundle: $(cat "$dir/bundled.root/manifest.json")"
[ -z "$(find "$dir/bundled.root" -perm /077)" ] || fail "--bundle: readable by others"
# Also when the program was deleted meanwhile.
cp "$node" "$dir/deleted-node"
"$dir/deleted-node" -e 'setInterval(() => {}, 1000)' &
gone=$!
started="$started $gone"
sleep 1
rm "$dir/deleted-node"
"$tool" snapshot $gone -o "$dir/bundled2" --bundle >"$dir/out" 2>"$dir/err" || fail "--bundle, deleted: $(cat "$dir/err")"
if [ "$(id -u)" = 0 ]; then
	cmp -s "$node" "$dir/bundled2.root$dir/deleted-node" || fail "--bundle: not the deleted program"
fi
ok "--bundle: $(cat "$dir/err" | tail -1)"
"$tool" repair "$pid" | grep -q 'nothing to repair' || fail "repair of a healthy process"
# Another dumper took the mark off V8's heap and was killed before it put it back.
dontfork "$pid" >"$dir/dontfork"
if [ -s "$dir/dontfork" ] && command -v gdb >/dev/null; then
	awk '/^[0-9a-f]+-/ { split($1, r, "-") } /^Rss/ { rss = $2 }
		/^VmFlags/ { if (/ dc/ && rss) printf "call ((int (*)(long, long, int)) madvise)(0x%s, 0x%s - 0x%s, 11)\n", r[1], r[2], r[1] }' \
		"/proc/$pid/smaps" >"$dir/doforks"
	gdb -batch -nx -p "$pid" -x "$dir/doforks" >"$dir/out" 2>&1
	lost=$(dontfork_lost "$pid" "$dir/dontfork")
	[ "$lost" -gt 20 ] || fail "gdb took the mark off $lost mappings only: $(tail -3 "$dir/out")"
	"$tool" repair "$pid" >"$dir/out" 2>&1 || fail "repair: $(cat "$dir/out")"
	left=$(dontfork_lost "$pid" "$dir/dontfork")
	[ "$left" -eq 0 ] || fail "repair left $left of $lost mappings without their mark: $(cat "$dir/out")"
	dontfork "$pid" | comm -23 - "$dir/dontfork" >"$dir/more"
	"$tool" repair "$pid" | grep -q 'nothing to repair' || fail "repair: not the last"
	ok "repair: $(cat "$dir/out"); $lost mappings had lost their mark, $(wc -l <"$dir/more") new ones have it"
else
	echo "skip repair of a mark: no gdb, or a Node that has none"
fi
alive "all of it"
exit $failed
