#!/bin/sh
# cppcheck finds nothing. A finding that is wrong is suppressed in its line, with the reason beside it. Off for all: dangling
# lifetimes, because it takes copies out of growable arrays for pointers to them; uninitialised
# variables, which it sees in an address taken and the compilers see better; its own errors of parsing.
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v cppcheck >/dev/null || {
	echo "skipped: there is no cppcheck"
	exit 77
}
cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--suppress=missingIncludeSystem --suppress=returnDanglingLifetime --suppress=internalAstError --suppress=uninitvar \
	-DAP_VERSION='"lint"' \
	--template='{file}:{line}: {severity}: {message} [{id}]' -j "$(nproc)" -Isrc src tests/tools && echo "cppcheck: clean"
