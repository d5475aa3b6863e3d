#!/bin/sh
# Every source compiles without a warning, with gcc and with clang.
# usage: compilers.sh [FILE ...]
set -u
cd "$(dirname "$0")/../.." || exit 1
warnings='-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wcast-qual -Wpointer-arith -Wundef'
# optional packages too: what is missing would show up as an error anyway
flags=$(pkg-config --cflags libelf libdw libarchive json-c capstone libedit libzstd liblzma liblz4 zlib 2>/dev/null)
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(find src tests/tools -name '*.c' | LC_ALL=C sort)
bad=0
for compiler in gcc clang; do
	command -v $compiler >/dev/null || {
		echo "skipped: there is no $compiler"
		exit 77
	}
	# -O1: some warnings need the data flow
	# shellcheck disable=SC2086
	printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 sh -c '
		compiler=$1 flags=$2
		shift 2
		for file; do $compiler -std=gnu17 -O1 -c -o /dev/null -D_GNU_SOURCE -DAP_VERSION=\"lint\" -Isrc $flags -Werror "$file" || exit 1; done
	' sh $compiler "$warnings $flags" || bad=1
done
[ $bad -eq 0 ] && echo "compilers: $# sources clean with gcc and clang"
exit $bad
