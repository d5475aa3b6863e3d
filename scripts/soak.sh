#!/bin/sh
# Fuzzes every target for ten minutes each, under ASan and UBSan. What is found lands in build-fuzz/found/TARGET. Without
# TARGET, then asks the release build about a core damaged in a thousand ways, and kills the kernel's handler at 20 points.
# usage: soak.sh [TARGET ...]        SOAK_SECONDS=600
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-fuzz
seconds=${SOAK_SECONDS:-600}
cd "$root"

cmake --preset fuzz -B "$build" >/dev/null
cmake --build "$build" -j "$(nproc)"
robust=no
if [ $# -eq 0 ]; then
	robust=yes
	# shellcheck disable=SC2046
	set -- $(find "$build" -type f -name 'fuzz_*' -perm -u+x -exec basename {} \; | sort)
fi
[ $# -gt 0 ] || {
	echo "soak: no fuzz targets in $build" >&2
	exit 1
}
bad=0
for target; do
	program=$(find "$build" -type f -name "$target" -perm -u+x | head -n 1)
	[ -n "$program" ] || {
		echo "soak: no target $target" >&2
		exit 1
	}
	found=$build/found/$target
	work=$build/corpus/$target
	corpus=$root/fuzz/corpus/${target#fuzz_}
	mkdir -p "$found" "$work"
	[ -d "$corpus" ] || corpus=
	if [ "$target" = fuzz_values ] || [ "$target" = fuzz_heap ]; then
		# Kept beside what is found: an input means something only for the core that it was found with.
		export AP_FUZZ_CORE="$found/core"
		status=0
		fuzz/core.sh "$root/build/tests" "$AP_FUZZ_CORE" || status=$?
		if [ $status -eq 77 ]; then
			echo "soak: $target skipped: no core can be made here"
			continue
		fi
		[ $status -eq 0 ] || {
			bad=1
			continue
		}
	fi
	echo "soak: $target, $seconds s"
	# shellcheck disable=SC2086
	if "$program" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$found/" "$work" $corpus >"$found/log" 2>&1; then
		grep -E 'stat::number_of_executed_units|stat::peak_rss_mb' "$found/log"
	else
		tail -n 60 "$found/log"
		echo "soak: $target failed; input and log are in $found"
		bad=1
	fi
done
if [ $robust = yes ]; then
	status=0
	tests/robust/robust.sh build/autopsy build/tests || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
	# A heap damaged a thousand times, asked under the sanitizers.
	# Two halves, for it is 2 s of work a round.
	status=0
	tests/heap/damage.sh 22 "$build/autopsy" build/tests 500 8 &
	half=$!
	tests/heap/damage.sh 22 "$build/autopsy" build/tests 500 7 || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
	status=0
	wait $half || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
	status=0
	FLEET_HUGE=1 tests/fleet/handle.sh build/autopsy build/tests || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
	# Into a bucket: server and agent killed at all points, a core over 4 GB.
	status=0
	SHIP_HUGE=1 tests/fleet/ship.sh build/autopsy build/tests || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
	# A disk that is full, or stands still at any moment of an upload.
	status=0
	DISK_STALLS=20 tests/fleet/disk.sh build/autopsy build/tests || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
	# A store that checks every signature.
	status=0
	tests/fleet/swift.sh build/autopsy build/tests || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
	# Images as their Dockerfiles say.
	status=0
	tests/deploy/images.sh build/autopsy build/tests || status=$?
	[ $status -eq 0 ] || [ $status -eq 77 ] || bad=1
fi
exit $bad
