#!/bin/sh
# Every source compiles without a warning, with clang. With gcc, `make sanitize` sees to it: warnings are errors there.
# usage: compilers.sh [FILE ...]
set -u
cd "$(dirname "$0")/../.." || exit 1
warnings='-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wcast-qual -Wpointer-arith -Wundef'
# optional packages too: what is missing would show up as an error anyway
flags=$(pkg-config --cflags libelf libdw libarchive json-c capstone libedit libzstd libwebsockets liblzma liblz4 zlib 2>/dev/null)
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(find src tests/tools -name '*.c' | LC_ALL=C sort)
bad=0
command -v clang >/dev/null || {
	echo "skipped: there is no clang"
	exit 77
}
# Its warnings come from the front end, no code is needed.
# shellcheck disable=SC2086
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 sh -c '
	flags=$1
	shift
	for file; do clang -std=gnu17 -fsyntax-only -D_GNU_SOURCE -DAP_VERSION=\"lint\" -Isrc $flags -Werror "$file" || exit 1; done
' sh "$warnings $flags" || bad=1
[ $bad -eq 0 ] && echo "compilers: $# sources clean with clang"
exit $bad
