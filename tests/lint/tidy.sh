#!/bin/sh
# clang-tidy over all sources: minutes, so not part of `make check`; `make tidy`.
# usage: tidy.sh BUILD_DIR [FILE ...]
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1
shift
command -v clang-tidy >/dev/null || {
	echo "skipped: there is no clang-tidy"
	exit 77
}
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(find src -name '*.c' | LC_ALL=C sort)
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 2 clang-tidy -p "$build" --quiet '--warnings-as-errors=*' 2>/dev/null &&
	echo "tidy: $# sources clean"
