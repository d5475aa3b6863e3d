#!/bin/bash
# What a crash costs: from the signal to the end of the process, CPU-seconds a GB, memory, sizes; beside the kernel's own file
# and deflate 6 (what a zip costs), in the same run.
# usage: run.sh BUILD_DIR [MEGABYTES]
#
# Fails if a bound of the project is broken: 2.5 CPU-seconds a GB, 32 MB, a minicore of 5 MB. Times depend on the machine.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
megabytes=${2:-1024}
tools=$build/tests
node=$("$root/scripts/fetch-node.sh" "${BENCH_NODE:-22}")
[ "$(id -u)" = 0 ] || { echo "skipped: core_pattern needs root"; exit 77; }
dir=$(mktemp -d /tmp/apb.XXXX)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir"
export AUTOPSY_TEST=$$
cat >c <<CONF
spool = $dir/spool
chain = $(head -n 1 /proc/sys/kernel/core_pattern)
rule = capture env AUTOPSY_TEST=$$
rule = pass any
CONF
cat >zip <<'SH'
#!/bin/sh
# Other people's cores still go into files.
if tr '\0' '\n' <"/proc/$1/environ" | grep -q "^AUTOPSY_TEST=MARK$"; then
	exec gzip -6 >"DIR/core.gz"
else
	exec cat >"/proc/$1/cwd/core"
fi
SH
sed -i "s/MARK/$$/; s|DIR|$dir|" zip
chmod 755 zip

# crash PATTERN: seconds from the signal to the end of the process
crash() {
	rm -f ready core*
	"$node" --max-old-space-size=16384 "$root/bench/fleet/heap.js" "$megabytes" &
	local pid=$!
	while [ ! -f ready ]; do sleep 0.1; done
	# shellcheck disable=SC2016
	"$tools/corepattern" "$1" bash -c '
		begin=$(date +%s.%N)
		kill -ABRT "$0"
		while kill -0 "$0" 2>/dev/null && ! grep -q "^State:.Z" "/proc/$0/status" 2>/dev/null; do sleep 0.01; done
		end=$(date +%s.%N)
		awk -v a="$begin" -v b="$end" "BEGIN { printf \"%.2f\n\", b - a }"' $pid
	wait $pid 2>/dev/null || true
}

ulimit -c unlimited
ours=$(crash "|$build/autopsy handle -c$dir/c %P %p %I %u %g %s %t %d %c F%F %h %e")
# Its last words are written after the process is let go.
for _ in $(seq 100); do
	grep -q '"state":"done"' spool/crashes/*/state.json 2>/dev/null && break
	sleep 0.1
done
state=$(echo spool/crashes/*/state.json)
get() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" "$state"; }
# What the agent adds later, off the crash path: all of it in a zip, deflate level 1.
pack() { TIMEFORMAT='%R %U %S'; time "$build/autopsy" dump --zip -c c last -o packed.zip >/dev/null; }
read -r pack_s pack_u pack_k < <(pack 2>&1)
pack_bytes=$(stat -c %s packed.zip)
rm -f packed.zip
file=$(crash core)
file_bytes=$(stat -c %s core)
zip=$(crash "|$dir/zip %P")
zip_bytes=$(stat -c %s core.gz)
awk -v mb="$megabytes" -v t="$ours" -v raw="$(get raw_bytes)" -v stored="$(get stored_bytes)" -v cpu="$(get cpu_ms)" \
	-v peak="$(get peak_bytes)" -v mini="$(get mini_bytes)" -v mini_ms="$(get mini_ms)" -v f="$file" -v fb="$file_bytes" \
	-v z="$zip" -v zb="$zip_bytes" -v ps="$pack_s" -v pc="$(awk -v u="$pack_u" -v k="$pack_k" 'BEGIN { print u + k }')" -v pb="$pack_bytes" 'BEGIN {
	printf "heap %d MB, core %.0f MB\n", mb, raw / 1e6
	printf "%-28s %8.2f s crash to exit %8.0f MB  %.2f CPU-seconds a GB  %.1f MB memory\n", "autopsy handle", t, stored / 1e6, cpu / 1000 / (raw / 1e9), peak / 1e6
	printf "%-28s %8.3f s               %8.2f MB\n", "  its minicore", mini_ms / 1000, mini / 1e6
	printf "%-28s %8.2f s               %8.0f MB  %.2f CPU-seconds a GB\n", "  later, by the agent: zip", ps, pb / 1e6, pc / (raw / 1e9)
	printf "%-28s %8.2f s crash to exit %8.0f MB\n", "kernel to file", f, fb / 1e6
	printf "%-28s %8.2f s crash to exit %8.0f MB\n", "deflate 6", z, zb / 1e6
	bad = cpu / 1000 / (raw / 1e9) > 2.5 || peak > 32e6 || mini > 5e6 || raw < mb * 1e6
	if (bad) print "FAIL: a bound is broken"
	exit bad
}'
