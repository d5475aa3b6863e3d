#!/bin/bash
# Every mode on one Node: a consistent picture, all threads, nothing left behind.
# usage: modes.sh NODE_MAJOR AUTOPSY_SNAPSHOT TOOLS_DIR [AUTOPSY]
set -u
. "$(dirname "$0")/lib.sh"
major=$1 tool=$2 tools=$3 autopsy=${4:-}
find_node "$major"
start_probe 30 4096
before=$(state_of "$pid")
dontfork "$pid" >"$dir/dontfork"
anon() { awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$pid/status"; }

modes="direct"
"$tool" snapshot --help | grep -q 'precopy:' && modes="precopy fork direct"
for mode in $modes; do
	for round in 1 2 3; do
		core=$dir/core.$mode
		if ! "$tool" snapshot "$pid" --mode "$mode" -o "$core" --force --json >"$dir/json" 2>"$dir/err"; then
			if [ "$mode" = precopy ] && grep -q 'kernel' "$dir/err"; then
				echo "skip $mode: $(cat "$dir/err")"
				break
			fi
			fail "$mode: $(cat "$dir/err")"
			continue
		fi
		[ "$(stat -c %a "$core")" = 600 ] || fail "$mode: file mode $(stat -c %a "$core")"
		grep -q "\"mode\":\"$mode\"" "$dir/json" || fail "$mode: made as $(cat "$dir/json")"
		"$tools/coreprobe" "$core" "$nonce" "$pages" >"$dir/probe" || fail "$mode: $(cat "$dir/probe")"
		alive "$mode"
		ok "$mode $round: $(cat "$dir/probe"), $(grep -o '"pause_ms":[0-9.]*' "$dir/json")"
	done
	size=$(stat -c %s "$core")
	rss=$(anon)
	# 5 % and the headers; the heap moves meanwhile.
	[ "$size" -le $((rss * 105 / 100 + 2000000)) ] || fail "$mode: $size bytes for $rss resident"
	[ "$size" -ge $((rss * 80 / 100)) ] || fail "$mode: only $size bytes for $rss resident"
	if [ -n "$autopsy" ]; then
		# The process's own count of one class is what autopsy finds in the picture of its heap.
		"$autopsy" "$core" -e 'objects SnapshotWitness' >"$dir/objects" 2>&1
		if grep -Eq '(^|[^a-z])objects.*(unknown|no such) command|no command' "$dir/objects"; then
			echo "skip objects: this autopsy has no such command"
		else
			have=$(awk '/SnapshotWitness: number, text/ { n += $1 } END { print n + 0 }' "$dir/objects")
			[ "$have" = "$witnesses" ] || fail "$mode: autopsy counts $have of $witnesses objects: $(head -3 "$dir/objects")"
			ok "$mode: $have objects, as the process says"
		fi
	fi
	if command -v gdb >/dev/null; then
		want=$(find "/proc/$pid/task" -maxdepth 1 -mindepth 1 | wc -l)
		have=$(gdb -batch -nx "$node" "$core" -ex 'info threads' 2>/dev/null | grep -c 'LWP.*) .*[a-z]')
		[ "$have" -ge "$want" ] || fail "$mode: gdb sees $have of $want threads"
		# Of all threads: gdb cannot leave compiled JavaScript, if that is where the main one was.
		gdb -batch -nx "$node" "$core" -ex 'thread apply all bt' 2>/dev/null |
			grep -Eq 'uv_run|uv__io_poll|uv_cond_wait|main' ||
			fail "$mode: gdb finds no frame it knows"
	fi
done

# The frames of every thread, as gdb sees them in a process that waits.
frames() {
	# thread, number, function: gdb numbers the threads of a core as it likes
	sed -n 's/^Thread .*(LWP \([0-9]*\)).*/thread \1/p; s/^#\([0-9]*\) *\(0x[0-9a-f]* in \)\{0,1\}\([^ ]*\).*/\1 \3/p' "$1" |
		awk '$1 == "thread" { tid = $2; next } tid { print tid, $1, $2 }' | sort -k1,1n -k2,2n
}
if command -v gdb >/dev/null; then
	"$node" -e 'require("fs").writeFileSync(process.argv[1], "x"); setInterval(() => {}, 1e6)' "$dir/still" &
	still=$!
	started="$started $still"
	wait_for "$dir/still"
	sleep 1
	gdb -batch -nx -p $still -ex 'thread apply all bt' >"$dir/bt.live" 2>/dev/null
	for mode in $modes; do
		"$tool" snapshot $still --mode "$mode" -o "$dir/core" --force >/dev/null 2>"$dir/err" || { fail "$mode: $(cat "$dir/err")"; continue; }
		gdb -batch -nx "$node" "$dir/core" -ex 'thread apply all bt' >"$dir/bt.core" 2>/dev/null
		frames "$dir/bt.live" >"$dir/frames.live"
		frames "$dir/bt.core" >"$dir/frames.core"
		[ "$(cut -d' ' -f1 "$dir/frames.live" | uniq | wc -l)" -ge 5 ] || fail "gdb sees no threads: $(head -5 "$dir/bt.live")"
		if diff "$dir/frames.live" "$dir/frames.core" >"$dir/diff"; then
			ok "$mode: $(wc -l <"$dir/frames.live") frames of all threads equal gdb's own"
		else
			fail "$mode: frames differ: $(head -20 "$dir/diff")"
		fi
	done
fi

# Byte for byte: every page as it was while the process stood still.
for mode in $modes; do
	[ "$mode" = direct ] && continue
	for _ in 1 2 3; do
		"$tool" snapshot "$pid" --mode "$mode" --verify -o "$dir/core" --force >/dev/null 2>"$dir/err"
		grep -q 'verified: .* all as they were' "$dir/err" || { grep -q kernel "$dir/err" && break; fail "$mode --verify: $(cat "$dir/err")"; }
	done
	ok "$mode: $(grep -o 'verified.*' "$dir/err")"
done

# To a pipe, compressed.
"$tool" snapshot "$pid" -o - --compress zstd 2>"$dir/err" | zstd -dcq >"$dir/piped"
"$tools/coreprobe" "$dir/piped" "$nonce" "$pages" >"$dir/probe" || fail "pipe: $(cat "$dir/probe" "$dir/err")"
ok "pipe: $(cat "$dir/probe")"
# A reader that goes away ends the snapshot, not the process.
"$tool" snapshot "$pid" -o - 2>"$dir/err" | head -c 100000 >/dev/null
alive "closed pipe"

# Never over an existing file, nothing left of a failed one.
echo keep >"$dir/taken"
"$tool" snapshot "$pid" -o "$dir/taken" >/dev/null 2>&1 && fail "replaced a file unasked"
[ "$(cat "$dir/taken")" = keep ] || fail "changed a file unasked"
"$tool" snapshot "$pid" -o "$dir/none/core" >/dev/null 2>"$dir/err" && fail "wrote into a directory that is not there"

# The control: an unstopped copy is torn, so the probe can tell.
torn=0
for _ in 1 2 3 4 5 6 7 8; do
	"$tools/coreprobe" --live "$pid" "$nonce" "$pages" >/dev/null
	[ $? -eq 1 ] && torn=1
done
[ $torn -eq 1 ] || fail "an unstopped copy was never torn: the probe proves nothing"

# A debugger that read the whole address space (gcore does) has made pages of V8's reservations: the kernel's zero
# page, or, where it has none, memory of the process that holds zeros. The first are in no core, the second are holes.
if [ "$major" = 22 ]; then
	rss=$(anon)
	"$tools/target" readall "$dir/read" "$pid" || fail "the memory of process $pid cannot be read"
	for mode in $modes; do
		"$tool" snapshot "$pid" --mode "$mode" -o "$dir/core" --force --json >"$dir/json" 2>"$dir/err" ||
			{ grep -q kernel "$dir/err" || fail "all of it read, $mode: $(cat "$dir/err")"; continue; }
		"$tools/coreprobe" "$dir/core" "$nonce" "$pages" >"$dir/probe" || fail "all of it read, $mode: $(cat "$dir/probe")"
		size=$(stat -c %s "$dir/core")
		disk=$(($(stat -c %b "$dir/core") * 512))
		[ "$size" -le $(($(anon) * 105 / 100 + 2000000)) ] || fail "all of it read, $mode: $size bytes for $(anon) resident"
		[ "$disk" -le $((rss * 105 / 100 + 8000000)) ] || fail "all of it read, $mode: $disk bytes on disk, $rss were resident before"
		ok "all of it read, $mode: resident $((rss >> 20)), now $(($(anon) >> 20)) MB, file $((size >> 20)), disk $((disk >> 20)) MB, $(grep -o '"pause_ms":[0-9.]*' "$dir/json")"
	done
fi

after=$(state_of "$pid")
[ "$before" = "$after" ] || fail "left behind: $(printf '%s\n---\n%s' "$before" "$after")"
lost=$(dontfork_lost "$pid" "$dir/dontfork")
[ "$lost" -eq 0 ] || fail "$lost mappings are no longer MADV_DONTFORK"
exit $failed
