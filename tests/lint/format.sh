#!/bin/sh
# Every C source as .clang-format has it. Only with version 14 (Debian 12): others break lines elsewhere.
# usage: format.sh [SOURCE_DIR]
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 2
case $(clang-format --version 2>/dev/null) in
*' 14.'*) ;;
*) echo "SKIP: clang-format 14 is not installed"; exit 77 ;;
esac
if find src tests fuzz bench examples -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror; then
	echo "format: all sources"
else
	echo "format: clang-format -i mends them"
	exit 1
fi
