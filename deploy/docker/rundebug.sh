#!/bin/sh
# Opens the core with the executable of the image that crashed. Arguments go to autopsy: ./rundebug.sh -e bt
set -u
cd "$(dirname "$0")" || exit 1
for _ in $(seq "${WAIT_SECONDS:-600}"); do
	[ -f "$CORE_LOCATION" ] || [ -f .failed ] && break
	echo "waiting for the core ..." >&2
	sleep 1
done
[ -f .failed ] && cat .failed >&2
[ -f "$CORE_LOCATION" ] || CORE_LOCATION=$(find "${CORE_FILE%.zip}" -name '*.core' 2>/dev/null | sort | head -n 1)
[ -n "$CORE_LOCATION" ] || {
	echo "there is no core in $CORE_FILE" >&2
	exit 1
}
set -- "$CORE_LOCATION" "$@"
[ -f "$EXE_LOCATION" ] && set -- "$EXE_LOCATION" "$@"
echo "autopsy $*" >&2
exec autopsy "$@"
